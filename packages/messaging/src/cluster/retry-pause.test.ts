import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createRetryPause, pause } from './retry-pause.ts';

const forever = new AbortController().signal;

/** Waits once on mocked time; answers after how many milliseconds it ended. */
async function measure(t: TestContext, wait: Promise<void>): Promise<number> {
  let ended = false;
  const done = wait.then(() => {
    ended = true;
  });
  let ms = 0;
  for (; !ended; ms += 1) {
    t.mock.timers.tick(1);
    await Promise.resolve();
    await Promise.resolve();
  }
  await done;
  return ms;
}

test('each wait is longer, up to the bound, and the first is short again after a reset', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  t.mock.method(Math, 'random', () => 1);
  const retry = createRetryPause({ firstMs: 20, maxMs: 100 });
  const waits: number[] = [];
  for (let count = 0; count < 4; count += 1) waits.push(await measure(t, retry.wait(forever)));
  retry.reset();
  waits.push(await measure(t, retry.wait(forever)));
  assert.deepEqual(waits, [20, 40, 80, 100, 20]);
});

test('the jitter takes away up to half of a wait', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  t.mock.method(Math, 'random', () => 0);
  assert.equal(await measure(t, createRetryPause({ firstMs: 20, maxMs: 100 }).wait(forever)), 10);
});

test('an abort ends a wait at once, and one that has not begun', async () => {
  const abort = new AbortController();
  const waiting = pause(600_000, abort.signal);
  abort.abort();
  await waiting;
  await pause(600_000, abort.signal);
});
