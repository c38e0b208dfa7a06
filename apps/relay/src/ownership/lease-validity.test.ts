import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../../../test/harness/eventually.ts';
import { createLeaseValidity } from './lease-validity.ts';

test('what was begun before a deadline is ended by it, and a later deadline does not revive it', async () => {
  const validity = createLeaseValidity();
  assert.equal(validity.signal().aborted, true, 'nothing is valid at the start');
  validity.setDeadline(performance.now() + 30);
  const begun = validity.signal();
  assert.equal(begun.aborted, false);
  await eventually(() => assert.equal(begun.aborted, true));
  validity.setDeadline(performance.now() + 60_000);
  assert.equal(validity.signal().aborted, false);
  assert.equal(begun.aborted, true);
});

test('a deadline that moves takes along what is under way, unless it moves into the past', () => {
  const validity = createLeaseValidity();
  validity.setDeadline(performance.now() + 60_000);
  const begun = validity.signal();
  validity.setDeadline(performance.now() + 120_000);
  assert.equal(validity.signal(), begun);
  validity.setDeadline(performance.now() - 1);
  assert.equal(begun.aborted, true);
});

test('a process that was frozen past the deadline finds it over before any timer has fired', () => {
  const validity = createLeaseValidity();
  validity.setDeadline(performance.now() + 20);
  const begun = validity.signal();
  // No timer fires while the process stands still.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 40);
  assert.equal(begun.aborted, false);
  assert.equal(validity.signal().aborted, true);
  assert.equal(begun.aborted, true);
});

test('a renewal that is answered after a freeze ends what was begun before it', () => {
  const validity = createLeaseValidity();
  validity.setDeadline(performance.now() + 20);
  const begun = validity.signal();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 40);
  validity.setDeadline(performance.now() + 60_000);
  assert.equal(begun.aborted, true);
  assert.equal(validity.signal().aborted, false);
});
