import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { keyHash } from '../message/key-hash.ts';
import {
  boundaryOf,
  isExpectedAt,
  type PartitionChange,
  readableUpTo,
  type TopicLayout,
  truncatedLayout,
  withoutLost,
  withoutPassed,
} from './topic-layout.ts';

interface Entry {
  readonly key: string;
  readonly version: number;
}

interface History {
  /** By partition. */
  readonly logs: readonly (readonly Entry[])[];
  readonly layout: TopicLayout;
  readonly count: number;
}

/** What an outbox publishes, in the order of each key, with changes of the number of partitions in between. */
function publish(counts: readonly number[], phases: readonly (readonly string[])[]): History {
  const logs: Entry[][] = Array.from({ length: Math.max(...counts) }, () => []);
  const versions = new Map<string, number>();
  const layout: PartitionChange[] = [];
  counts.forEach((count, phase) => {
    const former = counts[phase - 1];
    if (former !== undefined) {
      const ends = logs.slice(0, former).map(({ length }) => BigInt(length));
      layout.push({ formerCount: former, count, ends, changedAt: new Date(phase) });
    }
    for (const key of phases[phase] ?? []) {
      const version = (versions.get(key) ?? 0) + 1;
      versions.set(key, version);
      logs[keyHash(key) % count]?.push({ key, version });
    }
  });
  return { logs, layout, count: counts.at(-1) ?? 0 };
}

const KEYS = Array.from({ length: 40 }, (_, index) => `order-${index}`);

const many = fc.array(fc.constantFrom(...KEYS), { maxLength: 120 });
/** Most partitions get nothing while a mapping lasts. */
const few = fc.array(fc.constantFrom(...KEYS.slice(0, 3)), { maxLength: 6 });

const histories = fc
  .record({
    counts: fc
      .constantFrom([12, 24], [6, 9], [4, 6, 9], [3, 4, 6], [2, 4, 8], [1, 3, 7], [5, 7])
      .map((counts) => [...counts]),
    phases: fc.array(fc.oneof(many, few), { minLength: 3, maxLength: 3 }),
  })
  .map(({ counts, phases }) => publish(counts, phases));

type Rule = typeof readableUpTo;

/** Reads like a watcher from any position: steps say which partition is read next and how far at most. */
function read(history: History, starts: readonly number[], steps: readonly number[], rule: Rule): Entry[] {
  const cursor = history.logs.map((log, partition) =>
    BigInt(Math.round(((starts[partition % starts.length] ?? 0) * log.length) / 100)),
  );
  const delivered: Entry[] = [];
  const readOn = (partition: number, most: number): boolean => {
    const log = history.logs[partition] ?? [];
    const limit = rule(history.layout, partition, (other) => cursor[other] ?? 0n) ?? BigInt(log.length);
    const from = Number(cursor[partition] ?? 0n);
    const to = Math.min(from + most, Number(limit), log.length);
    if (to <= from) return false;
    delivered.push(...log.slice(from, to));
    cursor[partition] = BigInt(to);
    return true;
  };
  for (const step of steps) readOn(step % history.logs.length, 1 + (step % 5));
  while (history.logs.some((_, partition) => readOn(partition, 3)));
  history.logs.forEach((log, partition) => {
    assert.equal(cursor[partition], BigInt(log.length), `partition ${partition} stands still`);
  });
  return delivered;
}

function assertOrdered(delivered: readonly Entry[]): void {
  const newest = new Map<string, number>();
  for (const { key, version } of delivered) {
    assert.ok(version > (newest.get(key) ?? 0), `${key} ${version} after ${newest.get(key)}`);
    newest.set(key, version);
  }
}

const starts = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100 })), {
  minLength: 1,
  maxLength: 9,
});
const steps = fc.array(fc.nat({ max: 1_000 }), { maxLength: 200 });

function holds(rule: Rule, numRuns = 400): void {
  fc.assert(
    fc.property(histories, starts, steps, (history, from, order) =>
      assertOrdered(read(history, from, order, rule)),
    ),
    { numRuns },
  );
}

test('from any position, and however partitions are read, each key comes in order, and nothing stands still', () => {
  holds(readableUpTo);
});

const mutants: Readonly<Record<string, Rule>> = {
  'nothing waits': () => undefined,
  'only new partitions wait': (layout, partition, reached) =>
    layout.some(({ ends }) => partition >= ends.length)
      ? readableUpTo(layout, partition, reached)
      : undefined,
  'only the newest change counts': (layout, partition, reached) =>
    readableUpTo(layout.slice(-1), partition, reached),
  'only the partition of the same remainder is waited for': (layout, partition, reached) => {
    const change = layout.find(
      ({ formerCount, ends }) => reached(partition % formerCount) < (ends[partition % formerCount] ?? 0n),
    );
    return change && partition >= change.formerCount ? boundaryOf(change, partition) : undefined;
  },
  'a former partition counts as read one short of its boundary': (layout, partition, reached) =>
    readableUpTo(layout, partition, (other) => reached(other) + 1n),
  'what a key had before the former mapping is not waited for': (layout, partition, reached) =>
    layout
      .map((change) => readableUpTo([change], partition, reached))
      .find((boundary) => boundary !== undefined),
  'changes are taken newest first': (layout, partition, reached) =>
    readableUpTo(layout.toReversed(), partition, reached),
};

for (const [name, mutant] of Object.entries(mutants)) {
  test(`the property rejects: ${name}`, () => {
    assert.throws(() => holds(mutant, 6_000));
  });
}

test('a place tells when a key belongs to a mapping that is not known yet', () => {
  fc.assert(
    fc.property(histories, ({ logs, layout, count }) => {
      const places = logs.flatMap((log, partition) =>
        log.map(({ key }, index) => ({ partition, offset: BigInt(index), key })),
      );
      assert.ok(places.every((place) => isExpectedAt(place, layout, count)));
      // What moved at the last change is told from the layout before it.
      const last = layout.at(-1);
      if (!last) return;
      for (const place of places) {
        const isNew = place.offset >= boundaryOf(last, place.partition);
        const former = keyHash(place.key) % last.formerCount;
        if (!isNew || former === place.partition) continue;
        assert.equal(isExpectedAt(place, layout.slice(0, -1), last.formerCount), false);
      }
    }),
  );
});

test('a change that the log begins behind is dropped, and one of a truncated log waits for what is left', () => {
  const change: PartitionChange = { formerCount: 2, count: 3, ends: [5n, 7n], changedAt: new Date(0) };
  assert.deepEqual(
    withoutPassed([change], () => 7n),
    [],
  );
  assert.equal(withoutPassed([change], (partition) => (partition === 0 ? 4n : 7n)).length, 1);
  assert.deepEqual(truncatedLayout([change], 1, 6n)[0]?.ends, [5n, 6n]);
  assert.deepEqual(truncatedLayout([change], 1, 9n)[0]?.ends, [5n, 7n]);
});

test('where a partition ended before an earlier boundary it was truncated, and nothing waits for what is lost', () => {
  const layout = [
    { formerCount: 2, count: 3, ends: [9n, 12n], changedAt: new Date(1) },
    { formerCount: 3, count: 4, ends: [9n, 7n, 4n], changedAt: new Date(2) },
  ];
  const reached = [9n, 7n, 4n, 0n];
  const settled = withoutLost(layout);
  assert.deepEqual(
    settled.map(({ ends }) => ends),
    [
      [9n, 7n],
      [9n, 7n, 4n],
    ],
  );
  for (const partition of reached.keys()) {
    assert.equal(
      readableUpTo(settled, partition, (other) => reached[other] ?? 0n),
      undefined,
    );
  }
});
