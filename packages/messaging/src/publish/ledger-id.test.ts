import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerId } from './ledger-id.ts';

test('a record of a replay counts beside the first publication of its event', () => {
  assert.equal(ledgerId('e'), 'e');
  assert.equal(ledgerId('e', 'r1'), 'e/r1');
});
