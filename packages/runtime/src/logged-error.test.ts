import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loggedReason } from './logged-error.ts';

test('the reason of a failure is what it says, with its causes, each once and without a stack', () => {
  const refused = new Error('connect ECONNREFUSED 127.0.0.1:9092');
  const wrapped = new Error('the topic cannot be read', {
    cause: new Error('no broker', { cause: refused }),
  });
  assert.equal(
    loggedReason(wrapped),
    'the topic cannot be read: no broker: connect ECONNREFUSED 127.0.0.1:9092',
  );
  const repeated = new Error(`retries are used up: ${refused.message}`, { cause: refused });
  assert.equal(loggedReason(repeated), 'retries are used up: connect ECONNREFUSED 127.0.0.1:9092');
  const both = new AggregateError([refused, new Error('no route')]);
  assert.equal(loggedReason(both), 'connect ECONNREFUSED 127.0.0.1:9092; no route');
});

test('words that a line gives as its reason stay as they are', () => {
  assert.equal(loggedReason('not acknowledged'), 'not acknowledged');
  assert.equal(loggedReason(undefined), undefined);
});
