import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { OrderStatus } from '@order-events/order-stream';
import { logBatch, orderEvent } from '../../testing/order-events.ts';
import { createWatchedLog, type OpenWatch } from '../../testing/watched-log.ts';
import { StreamError, type StreamErrorReason } from '../stream/stream-error.ts';
import { decodeResumeToken, encodeResumeToken } from '../position/resume-token.ts';
import type { WatchMessage, WatchSignal } from './watch-message.ts';

const SMALL_RING = 20_000;

const eventIds = ({ events }: WatchMessage) => events.map(({ eventId }) => eventId);

async function nextSignal(stream: OpenWatch, kind: WatchSignal['kind']): Promise<WatchMessage> {
  const message = await stream.next();
  assert.equal(message.signal?.kind, kind);
  return message;
}

/** Opens a stream and takes its first messages, up to the live edge of an empty log. */
async function liveWatch(stream: OpenWatch): Promise<OpenWatch> {
  await nextSignal(stream, 'started');
  await nextSignal(stream, 'caught up');
  return stream;
}

async function failsWith(stream: OpenWatch, reason: StreamErrorReason): Promise<StreamError> {
  const failure = await stream.failure();
  assert.ok(failure instanceof StreamError, String(failure));
  assert.equal(failure.reason, reason);
  return failure;
}

test('a stream starts with Started, is caught up at once at the live edge, and gets what is appended', async () => {
  const given = createWatchedLog();
  given.open();
  const stream = given.watch();
  const started = await nextSignal(stream, 'started');
  assert.deepEqual(started.signal, { kind: 'started', watcherId: stream.watch.id, heartbeatMs: 10_000 });
  await nextSignal(stream, 'caught up');
  assert.equal(stream.watch.state, 'live');

  const events = [orderEvent(), orderEvent()];
  given.append(1, events);
  const message = await stream.next();
  assert.deepEqual(
    eventIds(message),
    events.map(({ eventId }) => eventId),
  );
  assert.deepEqual(decodeResumeToken(message.resumeToken), {
    kind: 'offsets',
    topicId: given.topicId,
    next: [0n, 2n, 0n],
  });
  await stream.close();
});

test('a message has at most so many events as asked for, and at most 32 KiB unless one event is larger', async () => {
  const given = createWatchedLog({ partitions: 1 });
  given.open();
  const stream = await liveWatch(given.watch({ maxBatchSize: 3 }));
  const large = await liveWatch(given.watch());
  given.append(0, [
    ...Array.from({ length: 5 }, () => orderEvent()),
    orderEvent({ items: 4_000 }),
    orderEvent(),
    orderEvent({ items: 1_000 }),
    orderEvent({ items: 1_000 }),
    orderEvent({ items: 1_000 }),
    orderEvent({ items: 1_000 }),
  ]);
  assert.equal((await stream.next()).events.length, 3);
  const sizes: number[][] = [];
  while (sizes.flat().length < 11) {
    const { events } = await large.next();
    sizes.push(events.map(({ encoded }) => encoded.length));
  }
  for (const message of sizes) {
    const bytes = message.reduce((sum, size) => sum + size, 0);
    assert.ok(bytes <= 32 * 1024 || message.length === 1, `${message.length} events of ${bytes} bytes`);
  }
  assert.ok(sizes.length > 3 && sizes.length < 11, `${sizes.length} messages`);
  await Promise.all([stream.close(), large.close()]);
});

test('partitions take turns when all of them have more than a message holds', async () => {
  const given = createWatchedLog({ partitions: 3 });
  given.open();
  const stream = await liveWatch(given.watch({ maxBatchSize: 10 }));
  for (const partition of [0, 1, 2])
    given.append(
      partition,
      Array.from({ length: 50 }, () => orderEvent()),
    );
  for (let turn = 0; turn < 3; turn += 1) await stream.next();
  const { resumeToken } = await stream.next();
  const point = decodeResumeToken(resumeToken);
  assert.ok(point.kind === 'offsets' && point.next.every((offset) => offset >= 10n), String(resumeToken));
  await stream.close();
});

test('partitions take turns also while they are read from history', async () => {
  const given = createWatchedLog({ partitions: 2, ringBytes: 1 });
  given.open();
  for (const partition of [0, 1]) {
    // One after the other, so that the ring holds the last one only.
    for (let event = 0; event < 30; event += 1) given.append(partition, [orderEvent()]);
  }
  const stream = given.watch({ start: { kind: 'earliest' } });
  let reached: readonly bigint[] = [0n, 0n];
  for (let messages = 0; messages < 2;) {
    const { events, resumeToken } = await stream.next();
    if (events.length === 0) continue;
    messages += 1;
    const point = decodeResumeToken(resumeToken);
    if (point.kind === 'offsets') reached = point.next;
  }
  assert.ok(
    reached.every((offset) => offset > 0n),
    String(reached),
  );
  await stream.close();
});

test('heartbeats come in time and carry progress past events that did not match', async () => {
  const given = createWatchedLog();
  given.open();
  const selection = { statuses: [OrderStatus.DELIVERED] };
  const stream = await liveWatch(given.watch({ heartbeatMs: 20, selection }));
  given.append(2, [orderEvent(), orderEvent()]);
  const { events, resumeToken } = await nextSignal(stream, 'heartbeat');
  assert.equal(events.length, 0);
  const point = decodeResumeToken(resumeToken);
  assert.deepEqual(point.kind === 'offsets' && point.next, [0n, 0n, 2n]);
  await stream.close();
});

test('a stream that reaches the live edge past events that do not match is told so at once', async () => {
  const given = createWatchedLog({ partitions: 1 });
  given.open();
  given.append(0, [orderEvent(), orderEvent()]);
  // The notification of the append must not wake the stream.
  await nextTurn();
  const selection = { statuses: [OrderStatus.DELIVERED] };
  const stream = given.watch({ heartbeatMs: 60_000, selection, start: { kind: 'earliest' } });
  await nextSignal(stream, 'started');
  const { resumeToken } = await nextSignal(stream, 'caught up');
  const point = decodeResumeToken(resumeToken);
  assert.deepEqual(point.kind === 'offsets' && point.next, [2n]);
  await stream.close();
});

test('a long run of events that do not match brings a token without waiting for the heartbeat', async () => {
  const given = createWatchedLog({ partitions: 1, ringBytes: 1024 * 1024 * 1024 });
  given.open();
  const selection = { statuses: [OrderStatus.DELIVERED] };
  const stream = await liveWatch(given.watch({ heartbeatMs: 60_000, selection }));
  given.append(
    0,
    Array.from({ length: 20_500 }, () => orderEvent()),
  );
  const { resumeToken } = await nextSignal(stream, 'heartbeat');
  const point = decodeResumeToken(resumeToken);
  assert.ok(point.kind === 'offsets' && point.next[0]! >= 20_000n);
  await stream.close();
});

test('a stream that reads slowly falls behind the ring, catches up from history and misses nothing', async () => {
  const given = createWatchedLog({ partitions: 2, ringBytes: SMALL_RING });
  given.open();
  const stream = await liveWatch(given.watch());
  const events = Array.from({ length: 100 }, () => orderEvent());
  for (const [index, event] of events.entries()) given.append(index % 2, [event]);
  assert.ok(given.log.floor(0) > 0n);

  await nextSignal(stream, 'fell behind');
  assert.equal(stream.watch.state, 'catching up');
  const got: string[] = [];
  let message = await stream.next();
  for (; !message.signal; message = await stream.next()) got.push(...eventIds(message));
  assert.equal(message.signal.kind, 'caught up');
  assert.deepEqual(got.toSorted(), events.map(({ eventId }) => eventId).toSorted());
  await stream.close();
});

test('events that are deleted before a slow stream has read them end it, with both ends of the log', async () => {
  const given = createWatchedLog({ partitions: 1, ringBytes: SMALL_RING });
  given.open();
  const stream = await liveWatch(given.watch());
  for (let index = 0; index < 100; index += 1) given.append(0, [orderEvent()]);
  given.deleteUpTo(0, 30n);
  const { details } = await failsWith(stream, 'RESUME_TOKEN_EXPIRED');
  const tokens = [details['earliest_token'], details['latest_token']].map((token) =>
    decodeResumeToken(token!),
  );
  const at = (offset: bigint) => ({ kind: 'offsets', topicId: given.topicId, next: [offset] });
  assert.deepEqual(tokens, [at(30n), at(100n)]);
});

test('with allow_gap the same stream is told what it has missed and goes on', async () => {
  const given = createWatchedLog({ partitions: 1, ringBytes: SMALL_RING });
  given.open();
  const stream = await liveWatch(given.watch({ allowGap: true }));
  const before = encodeResumeToken({ kind: 'offsets', topicId: given.topicId, next: [0n] });
  for (let index = 0; index < 100; index += 1) given.append(0, [orderEvent()]);
  given.deleteUpTo(0, 30n);
  await nextSignal(stream, 'fell behind');
  const { signal } = await nextSignal(stream, 'gap');
  assert.deepEqual(signal, { kind: 'gap', fromToken: before, missedEvents: 30n });
  const { events } = await stream.next();
  assert.equal(events[0]?.offset, 30n);
  await stream.close();
});

test('what cannot be read ends a stream with a token behind it; with allow_gap it is told and the stream goes on', async () => {
  const given = createWatchedLog({ partitions: 2 });
  given.open();
  const strict = await liveWatch(given.watch());
  const lenient = await liveWatch(given.watch({ allowGap: true }));
  const [before, behind] = [orderEvent(), orderEvent()];
  const at = (...next: bigint[]) => encodeResumeToken({ kind: 'offsets', topicId: given.topicId, next });
  given.append(0, [before]);
  for (const stream of [strict, lenient]) assert.deepEqual(eventIds(await stream.next()), [before.eventId]);
  given.appendUnreadable(0, [orderEvent(), orderEvent()]);
  given.append(0, [behind]);
  const { details } = await failsWith(strict, 'EVENTS_UNREADABLE');
  assert.deepEqual(details, { earliest_token: at(3n, 0n), missed_events: '2' });
  const gap = await nextSignal(lenient, 'gap');
  assert.deepEqual(gap.signal, { kind: 'gap', fromToken: at(1n, 0n), missedEvents: 2n });
  assert.equal(gap.resumeToken, at(3n, 0n));
  const resumed = given.watch({ start: { kind: 'token', token: details['earliest_token']! } });
  await nextSignal(resumed, 'started');
  for (const stream of [lenient, resumed]) {
    assert.deepEqual(eventIds(await stream.next()), [behind.eventId]);
    await stream.close();
  }
});

test('a token beyond the end of the log, and one of another topic, are refused; with allow_gap the stream starts over', async () => {
  const given = createWatchedLog({ partitions: 1 });
  given.open();
  const event = orderEvent();
  given.append(0, [event]);
  const ahead = encodeResumeToken({ kind: 'offsets', topicId: given.topicId, next: [2n] });
  const foreign = encodeResumeToken({ kind: 'offsets', topicId: 'B'.repeat(21) + 'A', next: [0n] });
  for (const [token, reason] of [
    [ahead, 'RESUME_TOKEN_AHEAD'],
    [foreign, 'RESUME_TOKEN_FOREIGN'],
  ] as const) {
    const start = { kind: 'token', token } as const;
    await failsWith(given.watch({ start }), reason);
    const stream = given.watch({ start, allowGap: true });
    await nextSignal(stream, 'started');
    const { signal } = await nextSignal(stream, 'gap');
    assert.deepEqual(signal, { kind: 'gap', fromToken: token, missedEvents: 0n });
    assert.deepEqual(eventIds(await stream.next()), [event.eventId]);
    await stream.close();
  }
});

test('a stream whose topic is created again ends', async () => {
  const given = createWatchedLog({ partitions: 1 });
  given.open();
  const stream = await liveWatch(given.watch());
  given.log.open('C'.repeat(21) + 'A', new Map([[0, 0n]]), new Map([[0, 0n]]));
  await failsWith(stream, 'RESUME_TOKEN_FOREIGN');
});

test('a stream whose log is truncated below its place ends', async () => {
  const given = createWatchedLog({ partitions: 1 });
  given.append(0, [orderEvent(), orderEvent()]);
  given.open();
  const token = encodeResumeToken({ kind: 'offsets', topicId: given.topicId, next: [5n] });
  given.log.extendEnds([5n]);
  const stream = given.watch({ start: { kind: 'token', token } });
  await nextSignal(stream, 'started');
  given.log.restart(0, 2n);
  await failsWith(stream, 'RESUME_TOKEN_AHEAD');
});

test('before Kafka is reached a stream is told so, and gets all that is in the log since its registration', async () => {
  const given = createWatchedLog({ partitions: 1 });
  const stream = given.watch({ heartbeatMs: 20 });
  const started = await nextSignal(stream, 'started');
  const { signal } = await nextSignal(stream, 'source state changed');
  assert.ok(signal?.kind === 'source state changed' && !signal.available);
  const heartbeat = await nextSignal(stream, 'heartbeat');
  assert.equal(heartbeat.resumeToken, started.resumeToken);
  assert.equal(decodeResumeToken(started.resumeToken).kind, 'log time');

  const event = orderEvent();
  given.append(0, [event]);
  given.open();
  const change = await nextSignal(stream, 'source state changed');
  assert.ok(change.signal?.kind === 'source state changed' && change.signal.available);
  const message = await stream.next();
  assert.deepEqual(eventIds(message), [event.eventId]);
  await stream.close();

  const resumed = given.watch({ start: { kind: 'token', token: started.resumeToken } });
  await nextSignal(resumed, 'started');
  assert.deepEqual(eventIds(await resumed.next()), [event.eventId]);
  await resumed.close();
});

test('partitions that are added are read from their beginning, also with an older token', async () => {
  const given = createWatchedLog({ partitions: 1 });
  given.open();
  const stream = given.watch();
  const { resumeToken } = await nextSignal(stream, 'started');
  await nextSignal(stream, 'caught up');
  given.log.addPartitions(new Map([[1, 0n]]), 2);
  const resumed = await liveWatch(given.watch({ start: { kind: 'token', token: resumeToken } }));
  given.log.append(logBatch(1, 0n, [orderEvent()]));
  for (const each of [stream, resumed]) {
    assert.equal((await each.next()).events.length, 1);
    await each.close();
  }
});

test('draining is announced, then the stream ends with its token', async () => {
  const given = createWatchedLog();
  given.open();
  const stream = await liveWatch(given.watch());
  given.watches.drain(100);
  const { signal, resumeToken } = await nextSignal(stream, 'draining');
  assert.ok(signal?.kind === 'draining' && signal.reconnectDelayMs <= 100);
  const { details } = await failsWith(stream, 'DRAINING');
  assert.equal(details['resume_token'], resumeToken);
});

test('a stream ends when its client goes, whatever it was waiting for', async () => {
  const given = createWatchedLog();
  const waiting = given.watch();
  await nextSignal(waiting, 'started');
  await nextSignal(waiting, 'source state changed');
  const next = waiting.next();
  await waiting.close();
  await assert.rejects(next, /the stream has ended/);
  assert.equal(given.watches.size(), 0);
});
