import assert from 'node:assert/strict';
import test from 'node:test';
import { readableUpTo } from '@order-events/messaging';
import fc from 'fast-check';
import { createResizedLog, type FindBoundaries, ORDERS, type ResizeStep } from '../../testing/resized-log.ts';
import { boundariesAhead } from './event-batch.ts';

const small = fc.integer({ min: 1, max: 6 });
const any = fc.nat({ max: 60 });
const steps: fc.Arbitrary<ResizeStep[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('publish' as const),
        orders: fc.array(fc.nat({ max: ORDERS.length - 1 }), { minLength: 4, maxLength: 24 }),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: 'resize' as const }) },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('follow' as const),
        partition: any,
        most: fc.constantFrom(2, 20),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'look' as const }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('begin' as const), share: fc.constantFrom(0, 0.3, 0.7, 1) }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('read' as const),
        stream: any,
        turn: any,
        most: small,
        block: small,
      }),
    },
  ),
  { maxLength: 60, size: 'max' },
);
const counts = fc.constantFrom([3, 8, 12], [2, 4, 8], [4, 6, 9], [1, 3, 7], [6, 8]);

const anyHistory = (findBoundaries: FindBoundaries) =>
  fc.property(counts, steps, (given, history) => {
    const log = createResizedLog(given, findBoundaries);
    for (const step of history) log.run(step);
    log.settle();
  });

test('however a topic is resized and read, from wherever, each order comes in order, and nothing stands still', () => {
  fc.assert(anyHistory(boundariesAhead), { numRuns: 1_000 });
});

const mutants: readonly [what: string, boundaries: FindBoundaries][] = [
  ['nothing waits', () => undefined],
  [
    'what the process has read counts as handed on',
    (layout, _from, head) => (partition) => readableUpTo(layout, partition, head),
  ],
  [
    'one event beyond the boundary is handed on',
    (layout, from) => {
      const boundaries = boundariesAhead(layout, from);
      return (partition, cursor) => {
        const boundary = boundaries(partition, cursor);
        return boundary === undefined ? undefined : boundary + 1n;
      };
    },
  ],
  ['only the newest change counts', (layout, from) => boundariesAhead(layout.slice(-1), from)],
  ['only the oldest change counts', (layout, from) => boundariesAhead(layout.slice(0, 1), from)],
  [
    'each change is seen by itself',
    (layout, from) => (partition, cursor) =>
      layout
        .map((change) => boundariesAhead([change], from)(partition, cursor))
        .find((boundary) => boundary !== undefined),
  ],
  [
    'a partition that waits does so for ever',
    (layout) => (partition) => readableUpTo(layout, partition, () => 0n),
  ],
];

for (const [what, boundaries] of mutants) {
  test(`rejected: ${what}`, () => {
    const { failed, errorInstance } = fc.check(anyHistory(boundaries), { numRuns: 1_000 });
    assert.ok(failed);
    assert.match(String(errorInstance), /out of order|stands still/);
  });
}
