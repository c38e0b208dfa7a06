import assert from 'node:assert/strict';
import test from 'node:test';
import { turnAfter } from './history-turn.ts';

const at = (partition: number, offset: bigint) => ({ partition, offset });

test('the turn goes to the next partition that somebody wants, and begins again after the last', () => {
  const wanted = [at(4, 0n), at(1, 0n), at(7, 0n)];
  const turns = [-1, 0, 1, 3, 4, 6, 7, 9].map((before) => turnAfter(before, wanted).partition);
  assert.deepEqual(turns, [1, 1, 4, 4, 7, 7, 1, 1]);
});

test('who wants nothing of that partition reads the next one that it wants', () => {
  const { choose } = turnAfter(3, [at(4, 0n), at(1, 0n), at(7, 0n)]);
  assert.deepEqual(choose([at(1, 5n), at(7, 5n)]), at(7, 5n));
  assert.deepEqual(choose([at(1, 5n)]), at(1, 5n));
  assert.equal(choose([]), undefined);
});

test('a place is ahead of another of its partition that is near', () => {
  const { isAhead } = turnAfter(0, [at(0, 10n), at(0, 10n), at(0, 500n), at(0, 1_000_000n), at(1, 20n)]);
  assert.equal(isAhead(at(0, 10n)), false);
  assert.equal(isAhead(at(0, 500n)), true);
  assert.equal(isAhead(at(0, 1_000_000n)), false, 'too far ahead to wait');
  assert.equal(isAhead(at(1, 20n)), false);
});
