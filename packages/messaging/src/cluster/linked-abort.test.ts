import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { linkAbort } from './linked-abort.ts';

test('the first abort counts, with its reason', () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const { signal } = linkAbort(first.signal, second.signal);
  assert.equal(signal.aborted, false);
  second.abort('second');
  first.abort('first');
  assert.equal(signal.reason, 'second');
  assert.equal(linkAbort(new AbortController().signal, second.signal).signal.reason, 'second');
});

test('nothing is left on a signal that lives on', () => {
  const { signal } = new AbortController();
  const link = linkAbort(signal);
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  link.unlink();
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});
