import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { createOrderQueues } from './order-queues.ts';

interface Work {
  readonly orderId: string;
  readonly number: number;
}

test('of any orders as many are worked at at once as may be, each one piece at a time and in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.integer({ min: 1, max: 3 })), {
        maxLength: 30,
      }),
      async (concurrency, given) => {
        const running = new Set<string>();
        const begun = new Map<string, number[]>();
        let most = 0;
        const turns = given.map(([, count]) => count);
        const queues = createOrderQueues<Work>(concurrency, async ({ orderId, number }) => {
          assert.ok(!running.has(orderId), 'two of one order');
          running.add(orderId);
          most = Math.max(most, running.size);
          begun.set(orderId, [...(begun.get(orderId) ?? []), number]);
          for (let left = turns[number] ?? 0; left > 0; left -= 1) await turn();
          running.delete(orderId);
        });
        const wanted = new Map<string, number[]>();
        for (const [number, [orderId]] of given.entries()) {
          wanted.set(orderId, [...(wanted.get(orderId) ?? []), number]);
          queues.add([[orderId, { orderId, number }]]);
        }
        while ([...begun.values()].flat().length < given.length) await turn();
        await queues.stop();
        assert.deepEqual(begun, wanted);
        assert.equal(most, Math.min(concurrency, wanted.size));
      },
    ),
    { numRuns: 60 },
  );
});

test('what has not begun can be taken away; what runs is waited for, and nothing begins after a stop', async () => {
  const ends: (() => void)[] = [];
  const begun: string[] = [];
  const queues = createOrderQueues<string>(1, (work) => {
    begun.push(work);
    return new Promise((resolve) => ends.push(resolve));
  });
  queues.add(['a.1', 'a.2', 'b.1', 'a.3'].map((work) => [work.charAt(0), work]));
  assert.deepEqual(
    queues.drop((work, orderId) => orderId === 'a' && work !== 'a.3'),
    ['a.2'],
  );
  const stopped = queues.stop();
  ends[0]?.();
  await stopped;
  assert.deepEqual(begun, ['a.1']);
});
