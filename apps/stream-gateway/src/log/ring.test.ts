import assert from 'node:assert/strict';
import test from 'node:test';
import { logBatch, orderEvent } from '../../testing/order-events.ts';
import { createEventBlock, type EventBlock } from './event-block.ts';
import { createRing } from './ring.ts';

const PLENTY = 1024 * 1024;

function block(partition: number, from: bigint, events = [orderEvent()]): EventBlock {
  return createEventBlock(logBatch(partition, from, events), from, () => assert.fail('skipped'));
}

test('the ring answers the block that covers an offset', () => {
  const ring = createRing(PLENTY);
  ring.start(0, 10n);
  ring.append(block(0, 10n, [orderEvent(), orderEvent()]));
  ring.append(block(0, 12n, [orderEvent()]));
  assert.equal(ring.blockAt(0, 9n), undefined);
  for (const offset of [10n, 11n, 12n]) {
    const found = ring.blockAt(0, offset);
    assert.ok(found && found.from <= offset && offset < found.next);
    assert.ok(found.events.some((event) => event.offset === offset));
  }
  assert.equal(ring.blockAt(0, 13n), undefined);
  assert.deepEqual([ring.floor(0), ring.head(0)], [10n, 13n]);
});

test('an empty partition begins and ends where it was started', () => {
  const ring = createRing(PLENTY);
  ring.start(0, 42n);
  assert.deepEqual([ring.floor(0), ring.head(0)], [42n, 42n]);
  assert.equal(ring.blockAt(0, 42n), undefined);
});

test('a block that does not follow the last one is refused', () => {
  const ring = createRing(PLENTY);
  ring.start(0, 10n);
  assert.throws(() => ring.append(block(0, 11n)), /partition 0 goes on at 10, not at 11/);
  assert.throws(() => ring.append(block(1, 0n)), /partition 1 is not in the ring/);
});

test('the oldest blocks of all partitions make room, and every partition stays without a hole', () => {
  const size = block(0, 0n).sizeBytes;
  const ring = createRing(size * 10);
  const next = [0n, 0n, 0n];
  next.forEach((offset, partition) => ring.start(partition, offset));
  ring.append(block(2, 0n));
  for (let round = 0; round < 40; round += 1) {
    const partition = round % 2;
    ring.append(block(partition, next[partition]!));
    next[partition]! += 1n;
    assert.ok(ring.sizeBytes() <= size * 11, `${ring.sizeBytes()} bytes`);
  }
  assert.equal(ring.floor(2), ring.head(2), 'the quiet partition held the oldest event');
  for (const partition of [0, 1]) {
    assert.ok(ring.head(partition) - ring.floor(partition) >= 4n);
    for (let offset = ring.floor(partition); offset < ring.head(partition); offset += 1n) {
      assert.ok(ring.blockAt(partition, offset), `offset ${offset} of partition ${partition}`);
    }
  }
});

test('a block that is larger than the ring is kept until the next one', () => {
  const ring = createRing(1);
  ring.start(0, 0n);
  ring.append(block(0, 0n));
  assert.ok(ring.blockAt(0, 0n));
  ring.append(block(0, 1n));
  assert.equal(ring.blockAt(0, 0n), undefined);
  assert.ok(ring.blockAt(0, 1n));
});

test('an event that the ring holds already is left out, one that it has dropped is not', () => {
  const again = orderEvent();
  const ring = createRing(PLENTY);
  ring.start(0, 0n);
  assert.equal(ring.append(block(0, 0n, [again, again, orderEvent()])), 1);
  assert.equal(ring.append(block(0, 3n, [again])), 1);
  assert.deepEqual(
    ring.blockAt(0, 0n)?.events.map(({ offset }) => offset),
    [0n, 2n],
  );
  assert.equal(ring.head(0), 4n);

  const small = createRing(1);
  small.start(0, 0n);
  small.append(block(0, 0n, [again]));
  small.append(block(0, 1n));
  assert.equal(small.append(block(0, 2n, [again])), 0);
});

test('an event that an operator replays is delivered once more, and once only', () => {
  const event = orderEvent();
  const replayed = (from: bigint): EventBlock => {
    const batch = logBatch(0, from, [event]);
    const records = batch.records.map((record) => ({
      ...record,
      headers: { ...record.headers, replay_id: Buffer.from('replay-1') },
    }));
    return createEventBlock({ ...batch, records }, from, () => assert.fail('skipped'));
  };
  const ring = createRing(PLENTY);
  ring.start(0, 0n);
  assert.equal(ring.append(block(0, 0n, [event])), 0);
  assert.equal(ring.append(replayed(1n)), 0);
  assert.equal(ring.append(replayed(2n)), 1);
});

test('a partition that is started anew holds nothing of before', () => {
  const event = orderEvent();
  const ring = createRing(PLENTY);
  ring.start(0, 0n);
  ring.append(block(0, 0n, [event]));
  ring.start(0, 100n);
  assert.deepEqual([ring.floor(0), ring.head(0), ring.sizeBytes()], [100n, 100n, 0]);
  assert.equal(ring.append(block(0, 100n, [event])), 0);
});

test('the age of the ring is that of its oldest event', () => {
  const ring = createRing(PLENTY);
  assert.equal(ring.oldestLogTimeMs(), undefined);
  ring.start(0, 0n);
  ring.start(1, 0n);
  const older = block(0, 0n);
  ring.append(block(1, 0n));
  ring.append(older);
  const times = [older, ring.blockAt(1, 0n)!].map(({ events }) => events[0]!.logTimeMs);
  assert.equal(ring.oldestLogTimeMs(), Math.min(...times));
});

test('a record that is no order event is passed over and told', () => {
  const skipped: bigint[] = [];
  const batch = logBatch(0, 5n, [orderEvent(), undefined, orderEvent()]);
  const made = createEventBlock(batch, 5n, (_partition, offset) => skipped.push(offset));
  assert.deepEqual(skipped, [6n]);
  assert.deepEqual(
    made.events.map(({ offset }) => offset),
    [5n, 7n],
  );
  assert.equal(made.next, 8n);
});
