import assert from 'node:assert/strict';
import test from 'node:test';
import { OrderStatus } from '@order-events/order-stream';
import { eventually } from '../../../../test/harness/index.ts';
import { createTestGroup, openConsumer } from '../../testing/consumed-log.ts';
import { logBatch, orderEvent } from '../../testing/order-events.ts';
import { createWatchedLog, type WatchedLogOptions } from '../../testing/watched-log.ts';
import { StreamError } from '../stream/stream-error.ts';
import { createEventFilter } from '../log/event-filter.ts';
import type { ConsumeMessage } from './consume-message.ts';
import type { ConsumeRequest } from './consumer.ts';

const newEvents = (count: number) => Array.from({ length: count }, () => orderEvent());
const offsets = ({ events }: ConsumeMessage) =>
  events.map(({ partition, offset }) => `${partition}/${offset}`);

/** A stream that is a member with these partitions, of a group whose offsets are 0. */
async function openMember(
  partitions: readonly number[],
  request?: Partial<ConsumeRequest>,
  options?: WatchedLogOptions,
) {
  const given = createWatchedLog(options);
  given.open();
  const group = createTestGroup();
  const stream = openConsumer(given, group, request);
  group.assign(0, 1, 2);
  await stream.signal('started');
  await stream.signal('assignment changed');
  if (partitions.length < 3) {
    await group.revoke();
    group.assign(...partitions);
    await stream.signal('assignment changed');
  }
  group.commits.length = 0;
  return { given, group, stream };
}

test('a stream without its partitions sends nothing, however long the log grows', async () => {
  const { given, group, stream } = await openMember([0, 1, 2]);
  await group.revoke();
  given.append(0, newEvents(3));
  assert.ok(await stream.isSilent());
  group.assign(0, 1);
  const { signal } = await stream.signal('assignment changed');
  assert.deepEqual(signal, { kind: 'assignment changed', partitions: [0, 1] });
  given.append(2, newEvents(3));
  assert.deepEqual(offsets(await stream.next()), ['0/0', '0/1', '0/2']);
  assert.ok(await stream.isSilent());
  await stream.close();
  assert.ok(group.hasLeft());
});

test('a stream that loses its share while it reads lets all others go on, and goes on itself with the next one', async () => {
  const given = createWatchedLog({ ringBytes: 4_000 });
  given.open();
  for (const event of newEvents(20)) given.append(0, [event]);
  const [asked, arrival] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { history } = given.sources;
  const read: typeof history.read = async (...place) => {
    asked.resolve();
    await arrival.promise;
    return history.read(...place);
  };
  const group = createTestGroup();
  const stream = openConsumer(
    { ...given, sources: { ...given.sources, history: { ...history, read } } },
    group,
  );
  group.assign(0, 1, 2);
  await stream.signal('started');
  await stream.signal('assignment changed');
  const silent = stream.isSilent();
  await asked.promise;
  await group.revoke();
  arrival.resolve();
  assert.ok(await silent);
  assert.ok(await stream.isSilent());
  group.assign(0, 1, 2);
  assert.equal(offsets(await stream.next())[0], '0/0');
  await stream.close();
});

test('a stream that has no partitions for a while says so, and says what it has when they are back', async () => {
  const { group, stream } = await openMember([0, 1, 2]);
  await group.revoke();
  group.setAvailable(false);
  const { signal: source } = await stream.signal('source state changed');
  assert.ok(source?.kind === 'source state changed' && !source.available);
  const { signal } = await stream.signal('assignment changed');
  assert.deepEqual(signal, { kind: 'assignment changed', partitions: [] });
  group.setAvailable(true);
  await stream.signal('source state changed');
  group.assign(0, 1, 2);
  await stream.signal('assignment changed');
  await stream.close();
});

test('a rebalance that changes nothing is not told, and nothing is sent again', async () => {
  const { given, group, stream } = await openMember([0, 1, 2]);
  given.append(1, newEvents(2));
  const first = await stream.next();
  await group.revoke();
  group.assign(0, 1, 2);
  given.append(1, newEvents(1));
  assert.deepEqual(offsets(await stream.next()), ['1/2']);
  stream.acknowledge(first);
  await stream.signal('acknowledged');
  assert.equal(group.committed.get(1)?.offset, 2n);
  await stream.close();
});

test('a stream is live when nothing waits for it, and not while it waits for credit', async () => {
  const { given, stream } = await openMember([0, 1, 2], { maxUnacknowledgedEvents: 2 });
  assert.ok(await stream.isSilent());
  assert.equal(stream.watch.state, 'live');
  given.append(0, newEvents(3));
  const message = await stream.next();
  assert.equal(stream.watch.state, 'live');
  assert.ok(await stream.isSilent());
  assert.deepEqual([stream.watch.state, stream.watch.backlog()], ['catching up', 1n]);
  stream.acknowledge(message);
  // Credit does not wait for the commit.
  assert.deepEqual(offsets(await stream.next()), ['0/2']);
  assert.equal(stream.watch.state, 'catching up');
  await stream.signal('acknowledged');
  assert.ok(await stream.isSilent());
  assert.equal(stream.watch.state, 'live');
  await stream.close();
});

test('acknowledgements while a commit is under way share the next one', async () => {
  const { given, group, stream } = await openMember([0], { maxBatchSize: 1 });
  group.storesAtOnce = false;
  given.append(0, newEvents(5));
  const messages = [];
  for (let count = 0; count < 5; count += 1) messages.push(await stream.next());
  const silent = stream.isSilent();
  stream.acknowledge(messages[0]!);
  await eventually(() => assert.equal(group.commits.length, 1));
  for (const message of messages) stream.acknowledge(message);
  // Longer than acknowledgements wait for one another.
  for (let moment = 0; moment < 4; moment += 1) assert.ok(await stream.isSilent());
  assert.ok(await silent);
  assert.equal(group.commits.length, 1);
  group.commits[0]!.store();
  const { signal } = await stream.signal('acknowledged');
  assert.deepEqual(signal, { kind: 'acknowledged', ackToken: messages[0]!.ackToken });
  const next = stream.signal('acknowledged');
  await eventually(() => assert.deepEqual(group.commits[1]?.offsets, new Map([[0, 5n]])));
  group.commits[1]!.store();
  assert.deepEqual((await next).signal, { kind: 'acknowledged', ackToken: messages[4]!.ackToken });
  assert.equal(group.commits.length, 2);
  await stream.close();
});

test('what was acknowledged is stored before the partitions are handed over, and before the stream leaves', async () => {
  const { given, group, stream } = await openMember([0, 1, 2]);
  given.append(0, newEvents(2));
  const first = await stream.next();
  // Nobody asks for the next message: the client takes nothing at present.
  stream.acknowledge(first);
  await new Promise(setImmediate);
  await group.revoke();
  assert.equal(group.committed.get(0)?.offset, 2n);
  group.assign(0, 1, 2);
  await stream.signal('acknowledged');
  given.append(2, newEvents(1));
  stream.acknowledge(await stream.next());
  await new Promise(setImmediate);
  await stream.close();
  assert.equal(group.committed.get(2)?.offset, 1n);
  assert.ok(group.hasLeft());
});

test('a hand-over waits for the commit that is under way, and stores what was acknowledged since', async () => {
  const { given, group, stream } = await openMember([0], { maxBatchSize: 1 });
  group.storesAtOnce = false;
  given.append(0, newEvents(2));
  const [first, second] = [await stream.next(), await stream.next()];
  const silent = stream.isSilent();
  stream.acknowledge(first);
  await eventually(() => assert.equal(group.commits.length, 1));
  stream.acknowledge(second);
  await silent;
  const handedOver = group.revoke();
  await new Promise(setImmediate);
  assert.equal(group.commits.length, 1);
  group.commits[0]!.store();
  await eventually(() => assert.deepEqual(group.commits[1]?.offsets, new Map([[0, 2n]])));
  group.commits[1]!.store();
  await handedOver;
  await stream.signal('acknowledged');
  await stream.close();
});

test('progress past events that do not match is stored when the stream leaves', async () => {
  const filter = createEventFilter({
    statuses: [OrderStatus.SHIPPED],
    orderIds: [],
    customerIds: [],
    eventTypes: [],
  });
  const { given, group, stream } = await openMember([0, 1, 2], { filter });
  given.append(1, newEvents(4));
  assert.ok(await stream.isSilent());
  await stream.close();
  assert.deepEqual(
    group.commits.map((commit) => commit.offsets),
    [new Map([[1, 4n]])],
  );
});

test('events that the log has lost are told, and the stream goes on with the oldest', async () => {
  const { given, group, stream } = await openMember([0, 1, 2], {}, { ringBytes: 4_000 });
  await group.revoke();
  for (const event of newEvents(20)) given.append(1, [event]);
  given.deleteUpTo(1, 12n);
  group.assign(0, 1, 2);
  const { signal } = await stream.signal('gap');
  assert.ok(signal?.kind === 'gap' && signal.missedEvents === 12n);
  assert.equal(offsets(await stream.next())[0], '1/12');
  await stream.close();
});

test('what cannot be read is told, and passed when it is acknowledged', async () => {
  const { given, group, stream } = await openMember([0, 1, 2]);
  given.appendUnreadable(1, newEvents(3));
  given.append(1, newEvents(1));
  const { signal } = await stream.signal('gap');
  assert.ok(signal?.kind === 'gap' && signal.missedEvents === 3n);
  const message = await stream.next();
  assert.deepEqual(offsets(message), ['1/3']);
  stream.acknowledge(message);
  await stream.signal('acknowledged');
  assert.equal(group.committed.get(1)?.offset, 4n);
  await stream.close();
});

test('a place beyond the end of the log, which was cut, is told as a gap of unknown size, and all of the log is sent', async () => {
  const { given, group, stream } = await openMember([0, 1, 2]);
  given.append(2, newEvents(3));
  assert.deepEqual(offsets(await stream.next()), ['2/0', '2/1', '2/2']);
  await group.revoke();
  group.committed.set(2, { offset: 10n, metadata: group.committed.get(2)?.metadata ?? '' });
  group.assign(0, 1, 2);
  const { signal } = await stream.signal('gap');
  assert.ok(signal?.kind === 'gap' && signal.missedEvents === 0n);
  const message = await stream.next();
  assert.deepEqual(offsets(message), ['2/0', '2/1', '2/2']);
  stream.acknowledge(message);
  await stream.signal('acknowledged');
  assert.equal(group.committed.get(2)?.offset, 3n);
  await stream.close();
});

test('when the topic is created again the stream ends, and nothing of the old one is committed to it', async () => {
  const { given, group, stream } = await openMember([0, 1, 2]);
  given.append(0, newEvents(2));
  stream.acknowledge(await stream.next());
  const none = new Map([0, 1, 2].map((partition) => [partition, 0n]));
  given.log.open('BBBBBBBBBBBBBBBBBBBBBB', none, none);
  const failure = await stream.end();
  assert.ok(failure instanceof StreamError && failure.reason === 'SOURCE_UNAVAILABLE', String(failure));
  assert.equal(group.commits.length, 0);
  assert.ok(group.hasLeft());
});

test('the start and the filter of a new subscription come from the member with partition 0, in one commit for all', async () => {
  const given = createWatchedLog();
  given.open();
  given.append(0, newEvents(2));
  const group = createTestGroup();
  const stream = openConsumer(given, group, { start: { kind: 'latest' } });
  group.assign(1, 2);
  await stream.signal('started');
  assert.ok(await stream.isSilent());
  assert.equal(group.commits.length, 0);
  await group.revoke();
  given.append(1, newEvents(1));
  group.assign(0);
  await stream.signal('assignment changed');
  const [begun, ...more] = group.commits;
  assert.deepEqual(more, []);
  assert.deepEqual(
    begun?.offsets,
    new Map([
      [0, 2n],
      [1, 0n],
      [2, 0n],
    ]),
  );
  assert.match(begun?.metadata ?? '', /^f1:/);
  await stream.close();
});

test('a partition that was added later is read from its beginning', async () => {
  const { given, group, stream } = await openMember([0, 1, 2], { start: { kind: 'latest' } });
  const added = new Map([[3, 0n]]);
  given.log.addPartitions(added, 4);
  given.log.append(logBatch(3, 0n, newEvents(2)));
  await group.revoke();
  group.assign(0, 3);
  await stream.signal('assignment changed');
  assert.deepEqual(offsets(await stream.next()), ['3/0', '3/1']);
  await stream.close();
});

test('drain: no more events, a moment for acknowledgements, then the group is left', async () => {
  const { given, group, stream } = await openMember([0, 1, 2]);
  given.append(0, newEvents(1));
  const message = await stream.next();
  given.watches.drain(0);
  await stream.signal('draining');
  given.append(0, newEvents(1));
  assert.ok(await stream.isSilent());
  stream.acknowledge(message);
  await stream.signal('acknowledged');
  const failure = await stream.end();
  assert.ok(failure instanceof StreamError && failure.reason === 'DRAINING' && failure.announced);
  assert.ok(group.hasLeft());
  assert.equal(group.committed.get(0)?.offset, 1n);
});

test('a client that has ended its side gets a good end when its last acknowledgement is stored', async () => {
  const { given, group, stream } = await openMember([0, 1, 2]);
  group.storesAtOnce = false;
  given.append(0, newEvents(3));
  const message = await stream.next();
  stream.acknowledge(message);
  stream.halfClose();
  await new Promise(setImmediate);
  given.append(0, newEvents(1));
  assert.ok(await stream.isSilent());
  group.commits[0]!.store();
  await stream.signal('acknowledged');
  assert.equal(await stream.end(), undefined);
  assert.ok(group.hasLeft());
});

test('a new subscription begins without a partition that has no leader, in one commit for all, and gets it when it is found', async () => {
  const given = createWatchedLog();
  for (const partition of [0, 1, 2]) given.append(partition, newEvents(3));
  given.lose(1);
  given.open();
  const group = createTestGroup();
  const stream = openConsumer(given, group, { start: { kind: 'earliest' } });
  group.assign(0, 1, 2);
  await stream.signal('started');
  const { signal } = await stream.signal('assignment changed');
  assert.deepEqual(signal, { kind: 'assignment changed', partitions: [0, 2] });
  assert.equal(group.commits.length, 1);
  assert.deepEqual([...group.committed.keys()], [0, 1, 2]);
  assert.match(group.committed.get(1)?.metadata ?? '', /^f1:[\w-]+@0$/);
  const messages = [await stream.next()];
  while (messages.flatMap(offsets).length < 6) messages.push(await stream.next());
  stream.acknowledge(messages.at(-1)!);
  await stream.signal('acknowledged');

  given.deleteUpTo(1, 1n);
  given.find(1);
  const extended = await stream.signal('assignment changed');
  assert.deepEqual(extended.signal, { kind: 'assignment changed', partitions: [0, 1, 2] });
  assert.deepEqual(offsets(await stream.next()), ['1/1', '1/2']);
  assert.deepEqual(group.committed.get(1), { offset: 1n, metadata: group.committed.get(0)?.metadata });
  assert.ok(await stream.isSilent());
  await stream.close();
});

test('a member whose place cannot be looked up in one partition goes on with the others, and is told of a gap only when there is one', async () => {
  const given = createWatchedLog();
  for (const partition of [0, 1, 2]) given.append(partition, newEvents(3));
  given.lose(1);
  given.open();
  const group = createTestGroup();
  for (const partition of [0, 1, 2]) group.committed.set(partition, { offset: 1n, metadata: '' });
  const stream = openConsumer(given, group);
  group.assign(0, 1, 2);
  await stream.signal('started');
  await stream.signal('assignment changed');
  const messages = [await stream.next()];
  while (messages.flatMap(offsets).length < 4) messages.push(await stream.next());
  assert.ok(!messages.some(({ events }) => events.some(({ partition }) => partition === 1)));
  given.deleteUpTo(1, 2n);
  given.find(1);
  const { signal } = await stream.signal('gap');
  assert.ok(signal?.kind === 'gap' && signal.missedEvents === 1n);
  assert.deepEqual(offsets(await stream.next()), ['1/2']);
  await stream.close();
});
