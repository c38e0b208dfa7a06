import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPageTokens } from './page-token.ts';

const POSITION = {
  createdAt: '2026-02-17T10:00:00.123456Z',
  orderId: '0199c2a4-5b1e-7cc3-a1f0-5d6f0c3b2a19',
};
const LIST = { status: 'pending', customerId: 'c-1', confinedTo: undefined };

for (const [what, secret] of [
  ['with a secret', 'one that replicas share'],
  ['without', undefined],
] as const) {
  test(`a page token brings back its position, ${what}`, () => {
    const tokens = createPageTokens(secret);
    assert.deepEqual(tokens.decode(tokens.encode(POSITION, LIST), LIST), POSITION);
    assert.deepEqual(createPageTokens(secret).decode(tokens.encode(POSITION, LIST), LIST), POSITION);
  });

  test(`a page token of another list, secret or hand is refused, ${what}`, () => {
    const tokens = createPageTokens(secret);
    const token = tokens.encode(POSITION, LIST);
    for (const other of [{ ...LIST, status: 'shipped' }, { ...LIST, confinedTo: 'c-1' }, {}]) {
      assert.equal(tokens.decode(token, other), undefined, JSON.stringify(other));
    }
    assert.equal(createPageTokens('another').decode(token, LIST), undefined);
    const bytes = Buffer.from(token, 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const forged = Buffer.from(bytes);
      forged[at]! ^= 1;
      assert.equal(tokens.decode(forged.toString('base64url'), LIST), undefined, `byte ${at}`);
    }
    for (const garbage of ['', '%%%', 'bnVsbA', token.slice(0, -5)]) {
      assert.equal(tokens.decode(garbage, LIST), undefined, garbage);
    }
  });
}
