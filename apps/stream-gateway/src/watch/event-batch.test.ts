import assert from 'node:assert/strict';
import test from 'node:test';
import { OrderStatus } from '@order-events/order-stream';
import { logBatch, orderEvent } from '../../testing/order-events.ts';
import { createEventBlock } from '../log/event-block.ts';
import { createRing, type Ring } from '../log/ring.ts';
import { type BatchLimits, type Cursor, partitionsFrom, readBatch } from './event-batch.ts';
import { createEventFilter } from './event-filter.ts';

const LIMITS: BatchLimits = { maxEvents: 100, maxBytes: 1024 * 1024, maxScanned: 100 };
const ALL = createEventFilter({ statuses: [], orderIds: [], customerIds: [], eventTypes: [] });

/** Partitions 0, 1 and 2 with the given numbers of events. */
function ringOf(...counts: number[]): Ring {
  const ring = createRing(1024 * 1024);
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
  const ring = createRing(1024 * 1024);
  ring.start(0, 5n);
  ring.start(1, 0n);
  ring.append(createEventBlock(logBatch(0, 5n, [orderEvent()]), 5n, () => assert.fail('skipped')));
  ring.append(createEventBlock(logBatch(1, 0n, [orderEvent()]), 0n, () => assert.fail('skipped')));
  const cursor: Cursor = [4n, 0n];
  const { events, belowRing } = readBatch(ring, cursor, [0, 1], ALL, LIMITS);
  assert.equal(events.length, 1);
  assert.equal(belowRing, 0);
  assert.deepEqual(cursor, [4n, 1n]);
});

test('a filter on a status passes what has another one without looking at it', () => {
  const ring = createRing(64 * 1024 * 1024);
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
