import assert from 'node:assert/strict';
import test from 'node:test';
import { orderEvent } from '../../testing/order-events.ts';
import { createWatchedLog, type OpenWatch } from '../../testing/watched-log.ts';
import { StreamError } from '../stream/stream-error.ts';
import { decodeResumeToken, encodeResumeToken } from '../position/resume-token.ts';
import type { WatchMessage } from './watch-message.ts';

/** Messages of a stream up to the first with events, or with such a signal. */
async function until(stream: OpenWatch, kind: 'events' | 'caught up' | 'gap'): Promise<WatchMessage> {
  for (;;) {
    const message = await stream.next();
    if (kind === 'events' ? message.events.length > 0 : message.signal?.kind === kind) return message;
    assert.ok(message.events.length === 0 && message.signal?.kind !== 'gap', message.signal?.kind);
  }
}

const placesOf = ({ events }: WatchMessage) =>
  events.map(({ partition, offset }) => `${partition}/${offset}`);

/** Two partitions with three events each, of which the second one has no leader when the log is opened. */
function loseBefore() {
  const given = createWatchedLog({ partitions: 2 });
  for (const partition of [0, 1]) given.append(partition, [orderEvent(), orderEvent(), orderEvent()]);
  given.lose(1);
  given.open();
  return given;
}

test('the earliest event of a partition that is found is the one that it has then, without a gap', async () => {
  const given = loseBefore();
  const stream = given.watch({ start: { kind: 'earliest' }, allowGap: true, heartbeatMs: 10 });
  const first = await until(stream, 'events');
  assert.deepEqual(placesOf(first), ['0/0', '0/1', '0/2']);
  assert.deepEqual(decodeResumeToken(first.resumeToken), {
    kind: 'offsets or log time',
    topicId: given.topicId,
    next: [3n, undefined],
    logTimeMs: 0,
  });
  const heartbeat = await stream.next();
  assert.deepEqual(heartbeat.signal, { kind: 'heartbeat', backlogEvents: 0n });
  assert.notEqual(stream.watch.state, 'live');
  given.deleteUpTo(1, 1n);
  given.find(1);
  assert.deepEqual(placesOf(await until(stream, 'events')), ['1/1', '1/2']);
  await until(stream, 'caught up');
  await stream.close();
});

test('a place in a partition without a leader stays as it was, and is refused or a gap only when the log proves to have lost it', async () => {
  const given = loseBefore();
  const token = encodeResumeToken({ kind: 'offsets', topicId: given.topicId, next: [3n, 1n] });
  const start = { kind: 'token', token } as const;
  const [kept, strict] = [0, 1].map(() => given.watch({ start, heartbeatMs: 10 }));
  const told = given.watch({ start, allowGap: true, heartbeatMs: 10 });
  for (const stream of [kept!, strict!, told]) {
    await stream.next();
    assert.equal((await stream.next()).resumeToken, token);
  }
  given.append(0, [orderEvent()]);
  assert.deepEqual(placesOf(await until(kept!, 'events')), ['0/3']);
  await kept!.close();
  given.deleteUpTo(1, 2n);
  given.find(1);
  const failure = await strict!.failure();
  assert.ok(failure instanceof StreamError && failure.reason === 'RESUME_TOKEN_EXPIRED', String(failure));
  const gap = await until(told, 'gap');
  assert.ok(gap.signal?.kind === 'gap' && gap.signal.missedEvents === 1n);
  const places = [...placesOf(await until(told, 'events')), ...placesOf(await until(told, 'events'))];
  assert.deepEqual(places.toSorted(), ['0/3', '1/2']);
  await told.close();
});

test('a place beyond the end of a partition without a leader is found out when that is back', async () => {
  const given = loseBefore();
  const token = encodeResumeToken({ kind: 'offsets', topicId: given.topicId, next: [3n, 4n] });
  const stream = given.watch({ start: { kind: 'token', token }, heartbeatMs: 10 });
  await stream.next();
  assert.equal((await stream.next()).signal?.kind, 'heartbeat');
  given.find(1);
  const failure = await stream.failure();
  assert.ok(failure instanceof StreamError && failure.reason === 'RESUME_TOKEN_AHEAD', String(failure));
});

test('what is refused while a partition has no leader names tokens that stand at its oldest record and at the present', async () => {
  const given = loseBefore();
  given.deleteUpTo(0, 2n);
  const token = encodeResumeToken({ kind: 'offsets', topicId: given.topicId, next: [1n, 1n] });
  const failure = await given.watch({ start: { kind: 'token', token } }).failure();
  assert.ok(failure instanceof StreamError && failure.reason === 'RESUME_TOKEN_EXPIRED', String(failure));
  const earliest = decodeResumeToken(failure.details['earliest_token']!);
  assert.ok(earliest.kind === 'offsets or log time' && earliest.logTimeMs === 0);
  assert.deepEqual(earliest.next, [2n, undefined]);
  const latest = decodeResumeToken(failure.details['latest_token']!);
  assert.ok(latest.kind === 'offsets or log time' && latest.logTimeMs > Date.now() - 60_000);
  assert.deepEqual(latest.next, [3n, undefined]);
});
