import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createSlots } from './slots.ts';

/** Work that the test ends, in the order in which it began. */
function heldWork() {
  const begun: PromiseWithResolvers<void>[] = [];
  const work = () => {
    const held = Promise.withResolvers<void>();
    begun.push(held);
    return held.promise;
  };
  return { begun, work };
}

test('no more runs at once than there are slots, in the order of the calls, also after failures', async () => {
  const { begun, work } = heldWork();
  const slots = createSlots(2);
  const done: number[] = [];
  const all = Array.from({ length: 5 }, (_, index) =>
    slots.run(work).then(
      () => done.push(index),
      () => done.push(-index),
    ),
  );
  await nextTurn();
  assert.equal(begun.length, 2);
  begun[1]!.reject(new Error('failed'));
  await nextTurn();
  assert.equal(begun.length, 3);
  for (let index = 0; index < 5; index += 1) {
    begun[index]!.resolve();
    await nextTurn();
  }
  await Promise.all(all);
  assert.deepEqual(done, [-1, 0, 2, 3, 4]);
});

test('who goes before its turn begins nothing and takes no place', async () => {
  const { begun, work } = heldWork();
  const slots = createSlots(1);
  const client = new AbortController();
  const first = slots.run(work);
  const gone = slots.run(work, client.signal);
  const last = slots.run(work);
  client.abort(new Error('gone'));
  await assert.rejects(gone, /gone/);
  await assert.rejects(slots.run(work, client.signal), /gone/);
  begun[0]!.resolve();
  await first;
  await nextTurn();
  assert.equal(begun.length, 2);
  begun[1]!.resolve();
  await last;
});
