import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { StreamError } from '../stream/stream-error.ts';
import { createCustomerSeal } from './customer-seal.ts';
import { decodeResumeToken, encodeResumeToken } from './resume-token.ts';

const SECRET = 'a secret of all replicas, long enough';
const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAA';
const tokenAt = (...next: bigint[]) => encodeResumeToken({ kind: 'offsets', topicId: TOPIC_ID, next });

function isMalformed(error: unknown): boolean {
  return error instanceof StreamError && error.reason === 'RESUME_TOKEN_MALFORMED';
}

test('a sealed token stands for the same place, on each replica, for the customer it was sealed for and for nobody else', () => {
  const offsets = fc.array(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), { maxLength: 40 });
  const customers = fc.uniqueArray(fc.string({ minLength: 1, unit: 'binary' }), {
    minLength: 2,
    maxLength: 2,
  });
  fc.assert(
    fc.property(offsets, customers, (next, [one = '', other = '']) => {
      const token = tokenAt(...next);
      const sealed = createCustomerSeal(SECRET, one).seal(token);
      assert.equal(createCustomerSeal(SECRET, one).open(sealed), token);
      assert.throws(() => createCustomerSeal(SECRET, other).open(sealed), isMalformed);
      assert.throws(() => createCustomerSeal(`${SECRET}!`, one).open(sealed), isMalformed);
    }),
  );
});

test('whoever is confined may not make up a place, nor may others use what is sealed', () => {
  const { seal, open } = createCustomerSeal(SECRET, 'c-1');
  assert.throws(() => open(tokenAt(1n, 2n)), isMalformed);
  assert.throws(() => decodeResumeToken(seal(tokenAt(1n, 2n))), isMalformed);
  const sealed = Buffer.from(seal(tokenAt(1n)), 'base64url');
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at]! ^= 1;
    assert.throws(() => open(changed.toString('base64url')), isMalformed);
  }
});

test('neither the text nor its length tells how much has happened', () => {
  const { seal } = createCustomerSeal(SECRET, 'c-1');
  const [quiet, busy] = [seal(tokenAt(0n, 0n, 0n)), seal(tokenAt(9_999_999n, 9_999_999n, 9_999_999n))];
  assert.equal(quiet.length, busy.length);
  assert.notEqual(seal(tokenAt(5n)), seal(tokenAt(5n)), 'the same place, told twice');
});
