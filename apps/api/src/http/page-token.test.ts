import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePageToken, encodePageToken } from './page-token.ts';

const POSITION = {
  createdAt: '2026-02-17T10:00:00.123456Z',
  orderId: '0199c2a4-5b1e-7cc3-a1f0-5d6f0c3b2a19',
};
const FILTER = { status: 'pending', customerId: 'c-1' };

test('a page token brings back its position', () => {
  assert.deepEqual(decodePageToken(encodePageToken(POSITION, FILTER), FILTER), POSITION);
});

test('a page token of another filter, another version or another hand is refused', () => {
  const token = encodePageToken(POSITION, FILTER);
  assert.equal(decodePageToken(token, { ...FILTER, status: 'shipped' }), undefined);
  assert.equal(decodePageToken(token, {}), undefined);
  const parts = JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown[];
  for (const forged of [
    [2, ...parts.slice(1)],
    parts.with(1, 'yesterday'),
    parts.with(2, "' OR true"),
    parts.slice(0, 3),
    {},
  ]) {
    const other = Buffer.from(JSON.stringify(forged)).toString('base64url');
    assert.equal(decodePageToken(other, FILTER), undefined, JSON.stringify(forged));
  }
  for (const garbage of ['', '%%%', 'bnVsbA', token.slice(0, -5)]) {
    assert.equal(decodePageToken(garbage, FILTER), undefined, garbage);
  }
});
