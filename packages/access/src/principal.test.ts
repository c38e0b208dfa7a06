import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coversSubscription, type Principal, requireScope, singleAuthorization } from './index.ts';

function principal(of: Partial<Principal>): Principal {
  return {
    subject: 'x',
    scopes: new Set(),
    customerId: undefined,
    subscriptions: [],
    expiresAtMs: 0,
    ...of,
  };
}

test('a subscription is owned by its name or by a prefix with a star', () => {
  const owner = principal({ subscriptions: ['billing', 'mail-*'] });
  const owned = ['billing', 'billing-2', 'mail-', 'mail-eu', 'mail', 'Billing', ''].filter((name) =>
    coversSubscription(owner, name),
  );
  assert.deepEqual(owned, ['billing', 'mail-', 'mail-eu']);
  assert.ok(coversSubscription(principal({ subscriptions: ['*'] }), 'anything'));
  assert.ok(!coversSubscription(principal({}), 'anything'));
});

test('a scope is needed where access control is on', () => {
  requireScope(undefined, 'orders:admin');
  requireScope(principal({ scopes: new Set(['orders:read']) }), 'orders:read');
  assert.throws(() => requireScope(principal({ scopes: new Set(['orders:read']) }), 'orders:write'), {
    kind: 'forbidden',
    reason: 'scope',
    message: 'this needs a token with the scope orders:write',
  });
});

test('two Authorization headers are refused, whatever they say', () => {
  assert.equal(singleAuthorization(undefined), undefined);
  assert.equal(singleAuthorization(['Bearer a']), 'Bearer a');
  assert.throws(() => singleAuthorization(['Bearer a', 'Bearer a']), {
    kind: 'unauthenticated',
    reason: 'malformed',
  });
});
