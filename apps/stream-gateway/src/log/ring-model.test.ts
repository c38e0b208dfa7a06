import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { logBatch, orderEvent } from '../../testing/order-events.ts';
import { createEventBlock, type EventBlock } from './event-block.ts';
import type { LogEvent } from './log-event.ts';
import { createRing, type Ring } from './ring.ts';

// A ring against the plainest idea of one: a list of events, of which the oldest go first.

const PARTITIONS = 3;
const IDS = Array.from({ length: 40 }, () => orderEvent());
const BIT = createEventBlock(logBatch(0, 0n, [IDS[0]!]), 0n, () => {}).sizeBytes;

interface ModelEvent {
  readonly partition: number;
  readonly offset: bigint;
  readonly ledgerId: string;
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        partition: fc.nat({ max: PARTITIONS - 1 }),
        ids: fc.array(fc.nat({ max: IDS.length - 1 }), { maxLength: 4 }),
        /** Offsets after the events that hold none, as transaction markers do. */
        gap: fc.nat({ max: 2 }),
        laterMs: fc.constantFrom(0, 10, 1_000),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('start' as const),
        partition: fc.nat({ max: PARTITIONS - 1 }),
        offset: fc.nat({ max: 1_000 }),
      }),
    },
  ),
  { maxLength: 60 },
);
const scenario = fc.record({
  steps,
  /** In sizes of a block with one event; the last one lets blocks be joined. */
  room: fc.constantFrom(0.5, 6, 20, 2_000),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer Given> ? Given : never;

/** Throws when the ring differs from the model in a scenario. */
function checkScenario(make: (maxBytes: number) => Ring, { steps: given, room }: Scenario): void {
  const maxBytes = BIT * room;
  const ring = make(maxBytes);
  const heads = Array.from({ length: PARTITIONS }, () => 0n);
  let held: ModelEvent[] = [];
  let nowMs = 0;
  heads.forEach((head, partition) => ring.start(partition, head));
  for (const step of given) {
    const { partition } = step;
    if (step.kind === 'start') {
      heads[partition] = BigInt(step.offset);
      ring.start(partition, heads[partition]);
      held = held.filter((event) => event.partition !== partition);
    } else {
      nowMs += step.laterMs;
      const block = blockOf(partition, heads[partition]!, step.ids, step.gap, nowMs);
      const ids = new Set(held.map(({ ledgerId }) => ledgerId));
      const fresh = block.events.filter(({ ledgerId }) => !ids.has(ledgerId) && ids.add(ledgerId));
      const before = ring.sizeBytes();
      const floors = floorsOf(ring);
      assert.equal(ring.append(block), block.events.length - fresh.length, 'duplicates');
      heads[partition] = block.next;
      held.push(...fresh.map(({ offset, ledgerId }) => ({ partition, offset, ledgerId })));
      const hasDropped = floorsOf(ring).some((floor, index) => floor > floors[index]!);
      if (hasDropped) assert.ok(before + block.sizeBytes > maxBytes, 'dropped without need');
      held = dropBelowFloors(ring, held);
    }
    checkState(ring, heads, held, maxBytes);
  }
}

function blockOf(partition: number, from: bigint, ids: number[], gap: number, readAtMs: number): EventBlock {
  const batch = logBatch(
    partition,
    from,
    ids.map((id) => IDS[id]),
  );
  const nextOffset = batch.nextOffset + BigInt(gap);
  const block = createEventBlock({ ...batch, nextOffset }, from, () => assert.fail('skipped'));
  return { ...block, readAtMs };
}

function floorsOf(ring: Ring): bigint[] {
  return Array.from({ length: PARTITIONS }, (_, partition) => ring.floor(partition));
}

/** Where the ring says it begins decides what the model may have left; that it is the oldest part is for `checkState` to see. */
function dropBelowFloors(ring: Ring, held: readonly ModelEvent[]): ModelEvent[] {
  return held.filter(({ partition, offset }) => offset >= ring.floor(partition));
}

function checkState(
  ring: Ring,
  heads: readonly bigint[],
  held: readonly ModelEvent[],
  maxBytes: number,
): void {
  const blocks: EventBlock[][] = heads.map((head, partition) => {
    assert.equal(ring.head(partition), head, 'head');
    const found: EventBlock[] = [];
    for (let offset = ring.floor(partition); offset < head; offset = found.at(-1)!.next) {
      const block = ring.blockAt(partition, offset);
      assert.ok(block?.from === offset && block.next > offset, 'a hole');
      for (let within = block.from; within < block.next; within += 1n) {
        assert.equal(ring.blockAt(partition, within), block, 'the block of an offset within');
      }
      found.push(block);
    }
    assert.equal(ring.blockAt(partition, head), undefined, 'beyond the head');
    return found;
  });
  blocks.forEach((found, partition) => {
    const expected = held.filter((event) => event.partition === partition).map(({ offset }) => offset);
    assert.deepEqual(
      found.flatMap(({ events }) => events.map(({ offset }) => offset)),
      expected,
      'events',
    );
    for (const { events, indexesByStatus, indexesByStatusLeft } of found) {
      for (const [status, indexes] of indexesByStatus) {
        assert.deepEqual(indexes, indexesWith(events, status), 'status index');
      }
      for (const [status, indexes] of indexesByStatusLeft) {
        const left = indexesOf(events, (event) => event.previousStatus === status && event.status !== status);
        assert.deepEqual(indexes, left, 'index of the status left');
      }
    }
  });
  const all = blocks.flat();
  assert.equal(
    ring.sizeBytes(),
    all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    'size',
  );
  assert.ok(ring.sizeBytes() <= maxBytes || all.length <= 1, 'bound');
}

function indexesWith(events: readonly LogEvent[], wanted: LogEvent['status']): number[] {
  return indexesOf(events, ({ status }) => status === wanted);
}

function indexesOf(events: readonly LogEvent[], isWanted: (event: LogEvent) => boolean): number[] {
  return events.flatMap((event, index) => (isWanted(event) ? [index] : []));
}

function check(make: (maxBytes: number) => Ring): void {
  fc.assert(
    fc.property(scenario, (given) => checkScenario(make, given)),
    { numRuns: 300 },
  );
}

test('a ring holds the newest part of each partition, each event once, within its bound', () => {
  check(createRing);
});

test('the oldest blocks go first, whatever partition they are of', () => {
  const order = fc.array(fc.nat({ max: PARTITIONS - 1 }), { minLength: 12, maxLength: 40 });
  fc.assert(
    fc.property(order, (partitions) => {
      const ring = createRing(BIT * 8);
      const heads = Array.from({ length: PARTITIONS }, () => 0n);
      heads.forEach((head, partition) => ring.start(partition, head));
      const appended = partitions.map((partition, index) => {
        const from = heads[partition]!;
        const made = createEventBlock(logBatch(partition, from, [orderEvent()]), from, () => {});
        ring.append({ ...made, readAtMs: index * 1_000 });
        heads[partition] = made.next;
        return { partition, offset: from };
      });
      const isHeld = appended.map(({ partition, offset }) => offset >= ring.floor(partition));
      assert.deepEqual(
        isHeld,
        isHeld.toSorted((a, b) => Number(a) - Number(b)),
      );
      assert.ok(isHeld.filter(Boolean).length >= 7);
    }),
  );
});

/** Rings that are wrong in one point each. */
const MUTANTS: Readonly<Record<string, (maxBytes: number) => Ring>> = {
  'forgets no id': (maxBytes) => {
    const ring = createRing(maxBytes);
    const seen = new Set<string>();
    return {
      ...ring,
      append(block) {
        const events = block.events.filter(({ ledgerId }) => !seen.has(ledgerId) && seen.add(ledgerId));
        return block.events.length - events.length + ring.append({ ...block, events });
      },
    };
  },
  'lets duplicates through': (maxBytes) => {
    const ring = createRing(maxBytes);
    let number = 0;
    const renamed = (event: LogEvent) => ({ ...event, ledgerId: `${event.ledgerId}-${(number += 1)}` });
    return { ...ring, append: (block) => ring.append({ ...block, events: block.events.map(renamed) }) };
  },
  'drops nothing': () => createRing(Number.POSITIVE_INFINITY),
  'drops too much': (maxBytes) => createRing(maxBytes / 2),
  'begins at the first event, not at the first offset': (maxBytes) => {
    const ring = createRing(maxBytes);
    const floor = (partition: number) =>
      ring.blockAt(partition, ring.floor(partition))?.events[0]?.offset ?? ring.floor(partition);
    return { ...ring, floor };
  },
  'ends at the last event, not at the last offset': (maxBytes) => {
    const ring = createRing(maxBytes);
    return {
      ...ring,
      blockAt(partition, offset) {
        const block = ring.blockAt(partition, offset);
        return block && offset <= (block.events.at(-1)?.offset ?? block.from) ? block : undefined;
      },
    };
  },
};

for (const [name, make] of Object.entries(MUTANTS)) {
  test(`a ring that ${name} is found out`, () => assert.throws(() => check(make)));
}
