import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLookPace } from './look-pace.ts';

test('what is left of a large window is read at once', () => {
  const pace = createLookPace(1000);
  pace.looked('more', 30);
  assert.deepEqual([pace.minPauseMs(), pace.maxPauseMs()], [0, 0]);
});

test('while events flow the outbox is looked at every few milliseconds, and ever more rarely when they end', () => {
  const pace = createLookPace(1000);
  pace.looked('more', 30);
  pace.looked('some', 0.3);
  assert.deepEqual([pace.minPauseMs(), pace.maxPauseMs()], [2, 4]);
  const pauses = Array.from({ length: 20 }, () => {
    pace.looked('nothing', 0.3);
    return pace.maxPauseMs();
  });
  assert.deepEqual(pauses.slice(0, 3), [6, 9, 13.5]);
  assert.equal(pauses.at(-1), 1000);
  assert.ok(pauses.slice(0, -1).reduce((sum, pauseMs) => sum + pauseMs) < 10_000);
  pace.looked('some', 0.3);
  assert.equal(pace.maxPauseMs(), 4);
});

test('nothing after a large window is no reason to look without a pause', () => {
  const pace = createLookPace(1000);
  pace.looked('more', 1);
  pace.looked('nothing', 1);
  assert.deepEqual([pace.minPauseMs(), pace.maxPauseMs()], [2, 4]);
});

test('a server that is slow to answer is asked less often, within a bound', () => {
  const pace = createLookPace(1000);
  pace.looked('some', 5);
  assert.deepEqual([pace.minPauseMs(), pace.maxPauseMs()], [10, 10]);
  pace.looked('some', 500);
  assert.deepEqual([pace.minPauseMs(), pace.maxPauseMs()], [20, 20]);
});
