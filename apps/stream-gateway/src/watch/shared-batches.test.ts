import assert from 'node:assert/strict';
import test from 'node:test';
import { ORDER_STATUSES } from '@order-events/domain';
import fc from 'fast-check';
import { orderEvent } from '../../testing/order-events.ts';
import { createWatchedLog } from '../../testing/watched-log.ts';
import type { LogEvent } from '../log/log-event.ts';
import { STATUS_NAMES } from '../order-enums.ts';
import { createEventFilter } from '../log/event-filter.ts';
import { createLogPosition, type LogPosition } from '../position/log-position.ts';
import { createSharedBatches, type ReadGroup, readGroup } from './shared-batches.ts';

const LIMITS = { maxEvents: 4, maxBytes: 1024 * 1024, maxScanned: 1_000 };
const EVERYTHING = { statuses: [], orderIds: [], customerIds: [], eventTypes: [] };

/** An open log of three partitions, and where it begins. */
function openLog() {
  const given = createWatchedLog({ partitions: 3 });
  given.open();
  const start = (): LogPosition => createLogPosition(given.topicId, [0n, 0n, 0n]);
  return { ...given, start, batches: createSharedBatches(given.log) };
}

function groupOf(selection: Partial<typeof EVERYTHING> | { customerIds: string[] } = {}): ReadGroup {
  return readGroup(createEventFilter({ ...EVERYTHING, ...selection }), LIMITS);
}

test('streams with the same filter at the same place get the same message, others do not', () => {
  const { append, batches, start } = openLog();
  append(0, [orderEvent({ customerId: 'a' }), orderEvent({ customerId: 'b' })]);
  const first = batches.read(start(), groupOf());
  assert.equal(first.message?.events.length, 2);
  assert.equal(batches.read(start(), groupOf()).message, first.message);
  assert.equal(batches.read(start(), groupOf({ customerIds: ['a'] })).message?.events.length, 1);
  const fewer = readGroup(createEventFilter(EVERYTHING), { ...LIMITS, maxEvents: 1 });
  assert.equal(batches.read(start(), fewer).message?.events.length, 1);
});

test('streams that have read everything stand at one place, whatever they got', () => {
  const { append, batches, start } = openLog();
  append(1, [orderEvent({ customerId: 'a' })]);
  const all = batches.read(start(), groupOf());
  const none = batches.read(start(), groupOf({ customerIds: ['nobody'] }));
  assert.equal(none.message, undefined);
  assert.equal(none.after, all.after);
  assert.deepEqual(all.after.next, [0n, 1n, 0n]);
});

test('what is appended later is not hidden by what was read before', () => {
  const { append, batches, start } = openLog();
  assert.equal(batches.read(start(), groupOf()).message, undefined);
  assert.equal(batches.oldestUnreadAtMs(start()), Number.POSITIVE_INFINITY);
  append(2, [orderEvent()]);
  assert.equal(batches.read(start(), groupOf()).message?.events.length, 1);
  assert.ok(batches.oldestUnreadAtMs(start()) <= performance.now());
});

test('what streams with ever other filters have read is not remembered without end', () => {
  const { append, batches, start } = openLog();
  append(0, [orderEvent()]);
  const { message } = batches.read(start(), groupOf());
  for (let other = 0; other < 20_000; other += 1) {
    batches.read(start(), groupOf({ customerIds: [`customer-${other}`] }));
  }
  const again = batches.read(start(), groupOf());
  assert.notEqual(again.message, message);
  assert.deepEqual(again.message, message);
});

test('what memory does not hold any more is older than everything', () => {
  const given = createWatchedLog({ partitions: 1, ringBytes: 1 });
  given.open();
  given.append(0, [orderEvent()]);
  given.append(0, [orderEvent()]);
  const batches = createSharedBatches(given.log);
  const start = createLogPosition(given.topicId, [0n]);
  assert.equal(batches.oldestUnreadAtMs(start), Number.NEGATIVE_INFINITY);
  assert.deepEqual(batches.read(start, groupOf()).belowRing, [0]);
});

test('however many streams read at once and whatever they want, each gets its events once and in order', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('append' as const),
      partition: fc.nat({ max: 2 }),
      statuses: fc.array(fc.constantFrom(...ORDER_STATUSES), { minLength: 1, maxLength: 9 }),
    }),
    fc.record({ kind: fc.constant('read' as const), stream: fc.nat({ max: 5 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { append, batches, start } = openLog();
      const expected: string[][] = [[], [], []];
      const wanted = [undefined, 'pending', 'shipped'] as const;
      const streams = [...wanted, ...wanted].map((status) => ({
        status,
        group: readGroup(
          createEventFilter({ ...EVERYTHING, statuses: status ? [STATUS_NAMES[status]] : [] }),
          LIMITS,
        ),
        position: start(),
        got: [[], [], []] as string[][],
      }));
      const partitionOf = new Map<string, number>();
      const read = (stream: (typeof streams)[number]) => {
        const { message, after } = batches.read(stream.position, stream.group);
        stream.position = after;
        for (const { eventId } of message?.events ?? ([] as LogEvent[]))
          stream.got[partitionOf.get(eventId)!]!.push(eventId);
      };
      const statusOf = new Map<string, string>();
      for (const given of steps) {
        if (given.kind === 'read') {
          read(streams[given.stream]!);
          continue;
        }
        const events = given.statuses.map((status) => orderEvent({ status }));
        for (const { eventId, order } of events) {
          partitionOf.set(eventId, given.partition);
          statusOf.set(eventId, order.status);
          expected[given.partition]!.push(eventId);
        }
        append(given.partition, events);
      }
      for (const stream of streams) {
        for (let round = 0; round < 300; round += 1) read(stream);
        const matching = expected.map((ids) =>
          ids.filter((id) => !stream.status || statusOf.get(id) === stream.status),
        );
        assert.deepEqual(stream.got, matching);
      }
    }),
    { numRuns: 100 },
  );
});
