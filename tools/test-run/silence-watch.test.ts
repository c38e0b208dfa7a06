import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { watchSilence } from './silence-watch.ts';

function startWatch(t: TestContext, limitMs: number, pace: () => number) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const ended: number[] = [];
  const watch = watchSilence({ limitMs, pace, onTooLong: (inForceMs) => ended.push(inForceMs) });
  return { watch, ended, pass: (ms: number) => t.mock.timers.tick(ms) };
}

test('a silence that lasts too long is told once', (t) => {
  const { ended, pass } = startWatch(t, 3_000, () => 1);
  pass(2_999);
  assert.deepEqual(ended, []);
  pass(1);
  pass(10_000);
  assert.deepEqual(ended, [3_000]);
});

test('each sign of life begins it anew', (t) => {
  const { watch, ended, pass } = startWatch(t, 3_000, () => 1);
  for (let round = 0; round < 10; round += 1) {
    pass(2_500);
    watch.heard();
  }
  assert.deepEqual(ended, []);
});

test('where everything takes four times as long at that moment, so may the silence', (t) => {
  const { ended, pass } = startWatch(t, 3_000, () => 4);
  pass(11_999);
  assert.deepEqual(ended, []);
  pass(1);
  assert.deepEqual(ended, [12_000]);
});

test('a machine that calms down is asked again before the end', (t) => {
  const paces = [4, 1];
  const { ended, pass } = startWatch(t, 3_000, () => paces.shift() ?? 1);
  pass(3_000);
  assert.deepEqual(ended, []);
  pass(9_000);
  assert.deepEqual(ended, [3_000]);
});

test('after its end nothing is told', (t) => {
  const { watch, ended, pass } = startWatch(t, 3_000, () => 1);
  watch.stop();
  pass(60_000);
  assert.deepEqual(ended, []);
});
