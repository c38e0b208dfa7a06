import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWakeSignal } from './wake-signal.ts';

const HOUR_MS = 3_600_000;
const NEVER = new AbortController().signal;

test('a wake ends a wait', async () => {
  const wakeUps = createWakeSignal();
  const waited = wakeUps.wait(HOUR_MS, NEVER);
  wakeUps.wake();
  await waited;
});

test('a wake that came while nobody waited ends the next wait, once', async () => {
  const wakeUps = createWakeSignal();
  wakeUps.wake();
  wakeUps.wake();
  await wakeUps.wait(HOUR_MS, NEVER);
  let ended = false;
  const second = wakeUps.wait(HOUR_MS, NEVER).then(() => (ended = true));
  await new Promise(setImmediate);
  assert.equal(ended, false);
  wakeUps.wake();
  await second;
});

test('a wait ends by its time and by an abort', async () => {
  const wakeUps = createWakeSignal();
  await wakeUps.wait(1, NEVER);
  const controller = new AbortController();
  const waited = wakeUps.wait(HOUR_MS, controller.signal);
  controller.abort();
  await waited;
  await wakeUps.wait(HOUR_MS, controller.signal);
});
