import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrincipalLimiter, limitKeyOf } from './index.ts';

test('each key has a count of its own, and is told when there is room again', async () => {
  const limiter = createPrincipalLimiter(2, 60_000);
  assert.equal(await limiter.take('a'), undefined);
  assert.equal(await limiter.take('a'), undefined);
  const waitMs = await limiter.take('a');
  assert.ok(waitMs !== undefined && waitMs > 50_000 && waitMs <= 60_000, `${waitMs} ms`);
  assert.equal(await limiter.take('b'), undefined);
});

test('limits count by the subject, and without one by the network that a connection comes from', () => {
  const principal = {
    subject: 'shop',
    scopes: new Set<never>(),
    customerId: undefined,
    subscriptions: [],
    expiresAtMs: 0,
  };
  assert.equal(limitKeyOf(principal, '10.0.0.1'), 'subject:shop');
  const networks = {
    '10.0.0.1': '10.0.0.1',
    '::ffff:10.0.0.1': '10.0.0.1',
    '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
    '2001:db8:1:2::9': '2001:db8:1:2::/64',
    '2001:DB8:1:2::': '2001:db8:1:2::/64',
    '2001:db8::1': '2001:db8:0:0::/64',
    '::1': '0:0:0:0::/64',
    'fe80::1%eth0': 'fe80:0:0:0::/64',
  };
  for (const [address, network] of Object.entries(networks)) {
    assert.equal(limitKeyOf(undefined, address), `network:${network}`, address);
  }
  assert.equal(limitKeyOf(undefined, undefined), 'network:unknown');
});
