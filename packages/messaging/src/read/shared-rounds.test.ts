import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createSharedRounds } from './shared-rounds.ts';

/** Rounds that the test ends, in the order in which they began. */
function setUp(intervalMs?: number) {
  const begun: PromiseWithResolvers<number>[] = [];
  const ask = createSharedRounds(() => {
    const round = Promise.withResolvers<number>();
    begun.push(round);
    return round.promise;
  }, intervalMs);
  return { begun, ask };
}

test('callers share a round that begins after they called, never one that was under way', async () => {
  const { begun, ask } = setUp();
  const first = [ask(), ask()];
  await nextTurn();
  assert.equal(begun.length, 1);
  const later = [ask(), ask(), ask()];
  await nextTurn();
  assert.equal(begun.length, 1, 'one at a time');
  begun[0]!.resolve(1);
  assert.deepEqual(await Promise.all(first), [1, 1]);
  await nextTurn();
  assert.equal(begun.length, 2);
  begun[1]!.resolve(2);
  assert.deepEqual(await Promise.all(later), [2, 2, 2]);
});

test('rounds keep their distance, and who calls meanwhile shares the next one', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 1_000;
  t.mock.method(performance, 'now', () => nowMs);
  const { begun, ask } = setUp(100);
  const first = ask();
  await nextTurn();
  begun[0]!.resolve(1);
  await first;
  nowMs += 40;
  const early = [ask(), ask()];
  await nextTurn();
  t.mock.timers.tick(59);
  await nextTurn();
  const late = ask();
  assert.equal(begun.length, 1);
  t.mock.timers.tick(1);
  await nextTurn();
  assert.equal(begun.length, 2);
  begun[1]!.resolve(2);
  assert.deepEqual(await Promise.all([...early, late]), [2, 2, 2]);
});

test('a round that fails fails those who share it, and no others', async () => {
  const { begun, ask } = setUp();
  const failing = ask();
  await nextTurn();
  const next = ask();
  begun[0]!.reject(new Error('away'));
  await assert.rejects(failing, /away/);
  await nextTurn();
  begun[1]!.resolve(2);
  assert.equal(await next, 2);
});

test('who no longer waits takes nothing from the others', async () => {
  const { begun, ask } = setUp();
  const client = new AbortController();
  const [gone, stays] = [ask(client.signal), ask()];
  await nextTurn();
  client.abort(new Error('gone'));
  await assert.rejects(gone, /gone/);
  begun[0]!.resolve(1);
  assert.equal(await stays, 1);
});
