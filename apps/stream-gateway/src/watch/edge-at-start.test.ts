import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { orderEvent } from '../../testing/order-events.ts';
import { createWatchedLog, type WatchedLog } from '../../testing/watched-log.ts';
import type { WatchMessage } from './watch-message.ts';

const PARTITIONS = 3;
const partition = fc.nat({ max: PARTITIONS - 1 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), partition }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('lose' as const, 'find' as const), partition }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'add partition' as const, partition: 0 }) },
);
const history = fc.record({
  before: fc.array(step, { maxLength: 20 }),
  /** What happens while the stream reads: one step a message. */
  meanwhile: fc.array(step, { maxLength: 20 }),
  ringBytes: fc.constantFrom(1, 1024 * 1024),
  start: fc.constantFrom('earliest' as const, 'latest' as const),
});

type Change = (given: WatchedLog) => void;

function take(given: WatchedLog, { kind, partition: at }: { kind: string; partition: number }): void {
  if (kind === 'append') given.append(at, [orderEvent()]);
  else if (kind === 'lose') given.lose(at);
  else if (kind === 'find') given.find(at);
  else given.addPartition();
}

const places = (messages: readonly WatchMessage[]) =>
  messages.flatMap(({ events }) => events.map((event) => `${event.partition}/${event.offset}`));

const placesBefore = (ends: readonly bigint[]) =>
  ends.flatMap((end, at) => Array.from({ length: Number(end) }, (_, offset) => `${at}/${offset}`));

/** What is there when a stream is registered is delivered when it ends, whatever happens meanwhile; and it ends. */
const endsComplete = (change: Change = () => {}) =>
  fc.asyncProperty(history, async ({ before, meanwhile, ringBytes, start }) => {
    const given = createWatchedLog({ partitions: PARTITIONS, ringBytes });
    change(given);
    given.open();
    for (const each of before) take(given, each);
    const isLost = (at: number) => !given.log.isReadable(at);
    const due = given.ends();
    const stream = given.watch({
      start: { kind: start },
      untilCaughtUp: true,
      heartbeatMs: 5,
      maxBatchSize: 2,
    });
    const messages: WatchMessage[] = [];
    const isOver = () => messages.at(-1)?.signal?.kind === 'caught up';
    for (const each of meanwhile) {
      messages.push(await stream.next());
      if (isOver()) break;
      take(given, each);
    }
    if (!isOver()) {
      due.forEach((_, at) => isLost(at) && given.find(at));
      for (let at = due.length; at < given.ends().length; at += 1) given.find(at);
      while (!isOver()) messages.push(await stream.next());
    }
    assert.deepEqual(await stream.rest(), [], 'after the end');
    const got = places(messages);
    assert.equal(new Set(got).size, got.length, 'delivered twice');
    if (start === 'latest') return;
    const missing = placesBefore(due).filter((place) => !got.includes(place));
    assert.deepEqual(missing, [], 'there when it was registered, and not delivered');
  });

test('a watch that is to end has delivered what the log had when it was registered, whatever comes or goes meanwhile', async () => {
  await fc.assert(endsComplete(), { numRuns: 40 });
});

test('found out: a partition is not asked about', async () => {
  const unasked: Change = ({ sources }) => {
    const { ends } = sources.reader;
    sources.reader.ends = async (signal) => {
      const answer = await ends(signal);
      return { ...answer, latest: answer.latest.slice(0, -1) };
    };
  };
  const { failed } = await fc.check(endsComplete(unasked), { numRuns: 300, endOnFailure: true });
  assert.ok(failed);
});

test('what Kafka alone knows of is waited for: an event that came when its partition had no leader', async () => {
  const given = createWatchedLog();
  given.open();
  given.lose(1);
  const event = orderEvent();
  given.append(1, [event]);
  const start = { kind: 'latest' } as const;
  const plain = given.watch({ start });
  assert.deepEqual(
    [(await plain.next()).signal?.kind, (await plain.next()).signal?.kind],
    ['started', 'caught up'],
  );
  await plain.close();
  const stream = given.watch({ start, untilCaughtUp: true, heartbeatMs: 5 });
  for (const kind of ['started', 'heartbeat', 'heartbeat']) {
    assert.equal((await stream.next()).signal?.kind, kind);
  }
  given.find(1);
  const rest = await stream.rest();
  assert.deepEqual(
    rest.flatMap(({ events }) => events.map(({ eventId }) => eventId)),
    [event.eventId],
  );
});

test('it does not wait for what comes later', async () => {
  const given = createWatchedLog();
  given.open();
  given.append(0, [orderEvent(), orderEvent()]);
  const stream = given.watch({ start: { kind: 'earliest' }, untilCaughtUp: true, maxBatchSize: 1 });
  const messages: WatchMessage[] = [];
  // More than it takes: without an end the stream would never be at the edge.
  while (messages.at(-1)?.signal?.kind !== 'caught up' && messages.length < 50) {
    messages.push(await stream.next());
    given.append(0, [orderEvent(), orderEvent()]);
  }
  assert.ok(messages.length < 10, `${messages.length} messages`);
  assert.deepEqual(await stream.rest(), []);
});
