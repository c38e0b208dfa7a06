import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { AccessError, type Principal } from '@order-events/access';
import { createLogger } from '@order-events/runtime';
import { eventually } from '../../../../test/harness/eventually.ts';
import { createTestWire, newWatch } from '../../testing/test-wire.ts';
import { createAccessCheck } from './access-check.ts';
import { createWatchRegistry } from './watch-registry.ts';

const FOR_LONG = Date.now() + 3_600_000;

function principal(expiresAtMs: number): Principal {
  const scopes = new Set(['orders:watch'] as const);
  return { subject: 'somebody', scopes, customerId: undefined, subscriptions: [], expiresAtMs };
}

/** Streams whose tokens are checked; `verify` is asked about them again. */
async function startCheck(t: TestContext, verify: (authorization?: string) => Promise<Principal>) {
  const watches = createWatchRegistry({
    limits: { ofProcess: 100, ofConnection: 100, ofPrincipal: 100, requestBytes: Infinity },
    ...{ onDrain: () => {}, onRefused: () => {}, onEnded: () => {} },
  });
  const check = createAccessCheck({
    ...{ watches, verify, verifyEveryMs: 10 },
    log: createLogger({ service: 'test', level: 'silent' }),
  });
  await check.start(new AbortController().signal);
  t.after(() => check.stop());
  return {
    watches,
    open(authorization: string, expiresAtMs: number) {
      const wire = createTestWire();
      const caller = { principal: principal(expiresAtMs), authorization };
      const watch = watches.add(newWatch({ wire, caller }));
      return { watch, wire, reasons: () => wire.ends().map(({ reason }) => reason) };
    },
  };
}

test('the end of a token is the end of its streams: idle, blocked, draining, with the token of what was taken', async (t) => {
  const { watches, open } = await startCheck(t, async () => principal(FOR_LONG));
  const soonMs = Date.now() + 300;
  const [idle, blocked, other] = [open('a', soonMs), open('a', soonMs), open('b', FOR_LONG)];
  const off = watches.add(newWatch());
  blocked.watch.sending(1, 'token-1');
  blocked.wire.take(1);
  blocked.wire.block(performance.now());
  watches.drain(60_000);
  await eventually(() => {
    assert.deepEqual([idle.reasons(), blocked.reasons()], [['ACCESS_EXPIRED'], ['ACCESS_EXPIRED']]);
  });
  assert.ok(Date.now() >= soonMs);
  assert.deepEqual(blocked.wire.ends()[0]?.details, { resume_token: 'token-1' });
  assert.deepEqual([other.reasons(), off.endedBy], [[], undefined]);
});

test('a token that is taken no more ends its streams; each is verified once, however many they are', async (t) => {
  const asked: (string | undefined)[] = [];
  let isRevoked = false;
  const { open } = await startCheck(t, async (authorization) => {
    asked.push(authorization);
    if (isRevoked && authorization === 'a') throw new AccessError('unauthenticated', 'signature', 'no');
    return principal(FOR_LONG);
  });
  const [one, two, other] = [open('a', FOR_LONG), open('a', FOR_LONG), open('b', FOR_LONG)];
  await eventually(() => assert.deepEqual(asked.slice(0, 4), ['a', 'b', 'a', 'b']));
  isRevoked = true;
  await eventually(() =>
    assert.deepEqual([one.reasons(), two.reasons()], [['ACCESS_REVOKED'], ['ACCESS_REVOKED']]),
  );
  assert.deepEqual(other.reasons(), []);
});

for (const [what, error] of [
  ['keys that are away', new AccessError('keys-unavailable', 'keys_unavailable', 'away')],
  ['what nobody thought of', new Error('unknown')],
] as const) {
  test(`${what}: streams go on to the end of their token`, async (t) => {
    let asked = 0;
    const { open } = await startCheck(t, async () => {
      asked += 1;
      throw error;
    });
    const { reasons } = open('a', Date.now() + 500);
    await eventually(() => assert.ok(asked > 3));
    assert.deepEqual(reasons(), []);
    await eventually(() => assert.deepEqual(reasons(), ['ACCESS_EXPIRED']));
  });
}
