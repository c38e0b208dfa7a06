import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { createNewcomerPause } from './newcomer-pause.ts';

function clock(t: TestContext) {
  let nowMs = 1_000;
  t.mock.method(performance, 'now', () => nowMs);
  return (ms: number) => {
    nowMs += ms;
  };
}

test('the pause grows with those that come, and ends soon after the last one', (t) => {
  const pass = clock(t);
  const pause = createNewcomerPause();
  assert.ok(pause.isOver());
  pause.came();
  assert.ok(!pause.isOver());
  pass(5);
  assert.ok(pause.isOver(), 'after a single one');
  for (let stream = 0; stream < 200; stream += 1) pause.came();
  pass(499);
  assert.ok(!pause.isOver());
  pass(1);
  assert.ok(pause.isOver(), 'after many');
});

test('however many come, reading goes on for most of each minute', (t) => {
  const pass = clock(t);
  const pause = createNewcomerPause();
  let pausedMs = 0;
  for (let ms = 0; ms < 120_000; ms += 10) {
    pause.came();
    if (!pause.isOver()) pausedMs += 10;
    pass(10);
  }
  assert.ok(pausedMs <= 31_000, `${pausedMs} ms`);
});
