import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRunningPart } from './running-part.ts';
import { sleep } from './sleep.ts';

const signal = new AbortController().signal;

test('the function runs until the part is stopped, and has ended when stop resolves', async () => {
  let state = 'not started';
  const part = createRunningPart('test', async (stopped) => {
    state = 'running';
    await sleep(3_600_000, stopped);
    state = 'ended';
  });
  await part.start(signal);
  assert.equal(state, 'running');
  await part.stop();
  assert.equal(state, 'ended');
});

test('rejecting because of the stop is clean, any other failure is told', async () => {
  for (const [failure, isTold] of [
    [undefined, false],
    [new Error('broken'), true],
  ] as const) {
    const part = createRunningPart('test', async (stopped) => {
      await sleep(3_600_000, stopped);
      throw failure ?? stopped.reason;
    });
    await part.start(signal);
    if (isTold) await assert.rejects(part.stop(), failure);
    else await part.stop();
  }
});
