import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import test from 'node:test';
import { createWakeUp } from './wake-up.ts';

const FOR_EVER_MS = 1_000_000;

test('a notification wakes everyone who waits, however many they are', async () => {
  const wakeUp = createWakeUp();
  const { signal } = new AbortController();
  const waits = Array.from({ length: 1_000 }, () => wakeUp.wait(FOR_EVER_MS, signal));
  wakeUp.notify();
  await Promise.all(waits);
});

test('a wait ends with its time, its work or its signal', async () => {
  const wakeUp = createWakeUp();
  const client = new AbortController();
  await wakeUp.wait(1, client.signal);
  await wakeUp.wait(FOR_EVER_MS, client.signal, Promise.resolve());
  await wakeUp.wait(FOR_EVER_MS, client.signal, Promise.reject(new Error('failed')));
  const wait = wakeUp.wait(FOR_EVER_MS, client.signal);
  client.abort();
  await wait;
  await wakeUp.wait(FOR_EVER_MS, client.signal);
});

test('a wait that is over leaves nothing behind', async () => {
  const wakeUp = createWakeUp();
  const { signal } = new AbortController();
  for (let round = 0; round < 20; round += 1) {
    const wait = wakeUp.wait(FOR_EVER_MS, signal);
    wakeUp.notify();
    await wait;
  }
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});
