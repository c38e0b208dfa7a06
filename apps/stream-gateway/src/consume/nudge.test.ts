import assert from 'node:assert/strict';
import test from 'node:test';
import { createNudge } from './nudge.ts';

test('a nudge ends the wait', async () => {
  const nudge = createNudge();
  const received = nudge.received();
  nudge.give();
  await received;
});

test('a nudge while nobody waits ends the next wait, and only that one', async () => {
  const nudge = createNudge();
  nudge.give();
  nudge.give();
  await nudge.received();
  let isReceived = false;
  void nudge.received().then(() => (isReceived = true));
  await new Promise(setImmediate);
  assert.equal(isReceived, false);
});

test('a nudge is not lost with a wait that was given up', async () => {
  const nudge = createNudge();
  void nudge.received();
  nudge.give();
  await nudge.received();
});
