import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExpectedError } from './expected-error.ts';

class RefusedError extends ExpectedError {
  override readonly name = 'RefusedError';
}

test('an expected error knows what was wrong and not where, and other errors still do', () => {
  const refused = new RefusedError('no');
  assert.ok(refused instanceof Error);
  assert.equal(refused.message, 'no');
  assert.doesNotMatch(refused.stack ?? '', /\n/);
  assert.match(new Error('other').stack ?? '', /expected-error\.test/);
});
