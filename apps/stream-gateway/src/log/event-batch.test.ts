import assert from 'node:assert/strict';
import test from 'node:test';
import { OrderStatus } from '@order-events/order-stream';
import fc from 'fast-check';
import { logBatch, orderEvent } from '../../testing/order-events.ts';
import { createEventBlock, createGapBlock } from './event-block.ts';
import { STATUS_NAMES } from '../order-enums.ts';
import { createRing } from './ring.ts';
import { type BatchLimits, type Cursor, partitionsFrom, readBatch } from './event-batch.ts';
import { createEventFilter, type EventFilter, type FilteredEvent } from './event-filter.ts';

const LIMITS: BatchLimits = { maxEvents: 100, maxBytes: 1024 * 1024, maxScanned: 100 };
const ALL = createEventFilter({ statuses: [], orderIds: [], customerIds: [], eventTypes: [] });

function readableRing(maxBytes: number) {
  return { ...createRing(maxBytes), isReadable: (_partition: number) => true };
}

/** Partitions 0, 1 and 2 with the given numbers of events. */
function ringOf(...counts: number[]) {
  const ring = readableRing(1024 * 1024);
  counts.forEach((count, partition) => {
    ring.start(partition, 0n);
    const events = Array.from({ length: count }, () => orderEvent({ customerId: `of-${partition}` }));
    ring.append(createEventBlock(logBatch(partition, 0n, events), 0n, () => assert.fail('skipped')));
  });
  return ring;
}

test('only the partitions that are asked for are read, and only their cursor moves', () => {
  const cursor: Cursor = [0n, 0n, 1n];
  const { events, full } = readBatch(ringOf(2, 2, 3), cursor, [0, 2], ALL, LIMITS);
  assert.deepEqual(
    events.map(({ customerId }) => customerId),
    ['of-0', 'of-0', 'of-2', 'of-2'],
  );
  assert.deepEqual(cursor, [2n, 0n, 3n]);
  assert.equal(full, false);
});

test('partitions are read in the order given, each in the order of the log, up to the limit', () => {
  const cursor: Cursor = [0n, 0n, 0n];
  const { events, full } = readBatch(ringOf(2, 2, 2), cursor, partitionsFrom(1, 3), ALL, {
    ...LIMITS,
    maxEvents: 3,
  });
  assert.deepEqual(
    events.map(({ customerId, offset }) => [customerId, offset]),
    [
      ['of-1', 0n],
      ['of-1', 1n],
      ['of-2', 0n],
    ],
  );
  assert.deepEqual(cursor, [0n, 2n, 1n]);
  assert.equal(full, true);
});

test('a partition below the ring is named, and the others are read all the same', () => {
  const ring = readableRing(1024 * 1024);
  ring.start(0, 5n);
  ring.start(1, 0n);
  ring.append(createEventBlock(logBatch(0, 5n, [orderEvent()]), 5n, () => assert.fail('skipped')));
  ring.append(createEventBlock(logBatch(1, 0n, [orderEvent()]), 0n, () => assert.fail('skipped')));
  const cursor: Cursor = [4n, 0n];
  const { events, belowRing } = readBatch(ring, cursor, [0, 1], ALL, LIMITS);
  assert.equal(events.length, 1);
  assert.deepEqual(belowRing, [0]);
  assert.deepEqual(cursor, [4n, 1n]);
});

test('a filter on a status passes what has another one without looking at it', () => {
  const ring = readableRing(64 * 1024 * 1024);
  ring.start(0, 0n);
  const events = Array.from({ length: 200 }, (_, index) =>
    orderEvent({ status: index % 50 === 49 ? 'shipped' : 'pending' }),
  );
  ring.append(createEventBlock(logBatch(0, 0n, events), 0n, () => assert.fail('skipped')));
  const filter = createEventFilter({
    statuses: [OrderStatus.SHIPPED, OrderStatus.DELIVERED],
    ...{ orderIds: [], customerIds: [], eventTypes: [] },
  });
  const cursor: Cursor = [0n];
  // The block and the four events.
  const batch = readBatch(ring, cursor, [0], filter, { ...LIMITS, maxScanned: 5 });
  assert.deepEqual(
    batch.events.map(({ offset }) => offset),
    [49n, 99n, 149n, 199n],
  );
  assert.deepEqual([batch.full, batch.scanned, cursor], [false, 200, [200n]]);
});

const STATUSES = ['pending', 'confirmed', 'shipped'] as const;
const anyChanges = fc.array(
  fc.record({
    status: fc.constantFrom(...STATUSES),
    previousStatus: fc.constantFrom(undefined, ...STATUSES),
  }),
  { maxLength: 20 },
);
const anyStatuses = fc.record({
  statuses: fc.subarray(STATUSES.map((status) => STATUS_NAMES[status])),
  matchPreviousStatus: fc.boolean(),
});

/** What is found must be what the filter lets through, which looks at each event. */
const findsAll = (change: (filter: EventFilter) => EventFilter) =>
  fc.property(anyChanges, anyStatuses, (changes, selection) => {
    const ring = readableRing(1024 * 1024);
    ring.start(0, 0n);
    const events = changes.map((given) => orderEvent(given));
    ring.append(createEventBlock(logBatch(0, 0n, events), 0n, () => assert.fail('skipped')));
    const filter = createEventFilter({ ...selection, orderIds: [], customerIds: [], eventTypes: [] });
    const all = readBatch(ring, [0n], [0], ALL, LIMITS).events;
    const found = readBatch(ring, [0n], [0], change(filter), LIMITS).events;
    assert.deepEqual(found, all.filter(filter));
  });

test('by its statuses, before and after a change, an event is found when the filter lets it through, and once', () => {
  fc.assert(findsAll((filter) => filter));
});

test('found out: events are looked up by the status after the change alone, or by the one before alone', () => {
  const blind = (change: Partial<EventFilter>) =>
    fc.check(findsAll((filter) => Object.assign((event: FilteredEvent) => filter(event), filter, change)));
  assert.ok(blind({ previousStatuses: [] }).failed);
  const leftOnly = fc.check(
    findsAll((filter) =>
      Object.assign((event: FilteredEvent) => filter(event), filter, { statuses: filter.statuses.slice(1) }),
    ),
  );
  assert.ok(leftOnly.failed);
});

test('what cannot be read is passed by itself, after the events before it, and told', () => {
  const ring = ringOf(2);
  ring.append(createGapBlock(0, 2n, 7n));
  const following = logBatch(0, 7n, [orderEvent()]);
  ring.append(createEventBlock(following, 7n, () => assert.fail('skipped')));
  const cursor: Cursor = [0n];
  const read = () => readBatch(ring, cursor, [0], ALL, LIMITS);
  assert.deepEqual([read().events.length, cursor], [2, [2n]]);
  assert.deepEqual([read().gap, cursor], [{ partition: 0, from: 2n, next: 7n }, [7n]]);
  assert.deepEqual([read().events.length, cursor], [1, [8n]]);
});

test('a partition that is waited for does not keep the history of another from being asked for', () => {
  const ring = ringOf(0, 0);
  for (const partition of [0, 1]) ring.start(partition, 5n);
  const log = { ...ring, isReadable: (partition: number) => partition !== 0 };
  assert.deepEqual(readBatch(log, [1n, 1n], [0, 1], ALL, LIMITS).belowRing, [1]);
});
