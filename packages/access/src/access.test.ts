import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { z } from 'zod';
import { exportSPKI, generateKeyPair, exportJWK, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import { eventually } from '../../../test/harness/eventually.ts';
import {
  startTokenIssuer,
  TEST_AUDIENCE,
  TEST_ISSUER,
  type TokenIssuer,
} from '../../../test/harness/token-issuer.ts';
import { type Access, AccessError, accessSettings, createAccess } from './index.ts';

const log = { warn: () => {} };
const NEVER = new AbortController().signal;

async function startAccess(t: TestContext, settings: Readonly<Record<string, string>>): Promise<Access> {
  const access = createAccess(
    z.object(accessSettings).parse({ ACCESS_JWKS_COOLDOWN_MS: '300', ...settings }),
    log,
  );
  assert.ok(access);
  t.after(() => access.stop());
  await access.start(NEVER);
  return access;
}

async function issuerAndAccess(t: TestContext, settings: Readonly<Record<string, string>> = {}) {
  const issuer = await startTokenIssuer(t);
  return { issuer, access: await startAccess(t, { ...issuer.settings, ...settings }) };
}

function refusedFor(reason: string, kind = 'unauthenticated') {
  return (error: unknown) => {
    assert.ok(error instanceof AccessError, String(error));
    assert.deepEqual({ kind: error.kind, reason: error.reason }, { kind, reason });
    return true;
  };
}

const nowS = () => Math.floor(Date.now() / 1000);

test('a token says who somebody is', async (t) => {
  const { issuer, access } = await issuerAndAccess(t);
  const exp = nowS() + 60;
  const claims = {
    sub: 'shop',
    scope: 'orders:read orders:write other:thing',
    customer_id: 'c-1',
    subscriptions: ['billing', 'mail-*'],
    exp,
  };
  assert.deepEqual(await access.verify(await issuer.authorization(claims)), {
    subject: 'shop',
    scopes: new Set(['orders:read', 'orders:write']),
    customerId: 'c-1',
    subscriptions: ['billing', 'mail-*'],
    expiresAtMs: exp * 1000,
  });
  const listed = await access.verify(
    (await issuer.authorization({ aud: ['other', TEST_AUDIENCE], scope: ['orders:admin'] })).replace(
      'Bearer',
      'bearer',
    ),
  );
  assert.deepEqual([...listed.scopes], ['orders:admin']);
  assert.equal(listed.customerId, undefined);
});

test('what a token must not be', async (t) => {
  const { issuer, access } = await issuerAndAccess(t);
  const refused: readonly [string, object, string][] = [
    ['another issuer', { iss: `${TEST_ISSUER}/` }, 'issuer'],
    ['no issuer', { iss: null }, 'issuer'],
    ['another audience', { aud: 'somebody' }, 'audience'],
    ['an audience among which we are not', { aud: ['a', 'b'] }, 'audience'],
    ['no audience', { aud: null }, 'audience'],
    ['no exp', { exp: null }, 'claims'],
    ['exp as text', { exp: String(nowS() + 60) }, 'claims'],
    ['past', { exp: nowS() - 60 }, 'expired'],
    ['to come', { nbf: nowS() + 60 }, 'not_yet_valid'],
    ['nbf as text', { nbf: 'now' }, 'not_yet_valid'],
    ['no sub', { sub: null }, 'claims'],
    ['an empty sub', { sub: '' }, 'claims'],
    ['a customer that is empty', { customer_id: '' }, 'claims'],
    ['a customer with a control character', { customer_id: 'c\u0000' }, 'claims'],
    ['a customer that is a number', { customer_id: 7 }, 'claims'],
    ['customers', { customer_id: ['c-1'] }, 'claims'],
    ['scopes as an object', { scope: { 'orders:read': true } }, 'claims'],
    ['subscriptions that are numbers', { subscriptions: [1] }, 'claims'],
  ];
  for (const [what, claims, reason] of refused) {
    await t.test(what, async () => {
      const authorization = await issuer.authorization(claims as Record<string, unknown>);
      await assert.rejects(access.verify(authorization), refusedFor(reason));
    });
  }
  await t.test('a customer that is null', async () => {
    const key = await generateKeyPair('ES256');
    issuer.serve({ status: 200, body: JSON.stringify({ keys: [await exportJWK(key.publicKey)] }) });
    const own = await startAccess(t, issuer.settings);
    const token = await new SignJWT({ customer_id: null, sub: 'x' })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(TEST_ISSUER)
      .setAudience(TEST_AUDIENCE)
      .setExpirationTime('1h')
      .sign(key.privateKey);
    await assert.rejects(own.verify(`Bearer ${token}`), refusedFor('claims'));
  });
});

test('what is no token is refused, and says nothing about itself', async (t) => {
  const { issuer, access } = await issuerAndAccess(t);
  const token = await issuer.token();
  await assert.rejects(access.verify(undefined), refusedFor('missing'));
  const malformed = ['', 'Bearer', `Basic ${token}`, `Bearer ${token} x`, `Bearer ${token}, Bearer ${token}`];
  for (const header of [...malformed, 'Bearer a.b.c', `Bearer ${'a'.repeat(9000)}`, 'Bearer ..']) {
    await assert.rejects(access.verify(header), refusedFor('malformed'), header.slice(0, 20));
  }
});

async function forged(issuer: TokenIssuer): Promise<Record<string, string>> {
  const claims = { sub: 'x', iss: TEST_ISSUER, aud: TEST_AUDIENCE, exp: nowS() + 60 };
  const jwk = issuer.publicKey();
  const publicKey = await importJWK({ ...jwk, ext: true }, 'ES256');
  const other = await generateKeyPair('ES256', { extractable: true });
  const hs256 = (secret: string) => {
    const head = Buffer.from(JSON.stringify({ alg: 'HS256', kid: jwk.kid })).toString('base64url');
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${head}.${body}.${createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url')}`;
  };
  const [head, , signature] = (await issuer.token()).split('.');
  const swapped = Buffer.from(JSON.stringify({ ...claims, scope: 'orders:admin' })).toString('base64url');
  return {
    none: new UnsecuredJWT(claims).encode(),
    'HS256 with the public key as PEM': hs256(
      await exportSPKI(publicKey as Awaited<ReturnType<typeof generateKeyPair>>['publicKey']),
    ),
    'HS256 with the public key as JWK': hs256(JSON.stringify(jwk)),
    'another key under the same kid': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: jwk.kid! })
      .sign(other.privateKey),
    'a key of its own in the header': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', jwk: await exportJWK(other.publicKey) })
      .sign(other.privateKey),
    'another body under the signature': `${head}.${swapped}.${signature}`,
    'no signature': `${head}.${swapped}.`,
  };
}

test('a forged token lets nobody in', async (t) => {
  const { issuer, access } = await issuerAndAccess(t);
  for (const [what, token] of Object.entries(await forged(issuer))) {
    await assert.rejects(access.verify(`Bearer ${token}`), (error) => {
      assert.ok(error instanceof AccessError, what);
      assert.equal(error.kind, 'unauthenticated', what);
      return true;
    });
  }
});

test('of several keys without a kid the one that signed is found', async (t) => {
  const issuer = await startTokenIssuer(t);
  const pairs = await Promise.all([1, 2, 3].map(() => generateKeyPair('ES256')));
  const keys = await Promise.all(pairs.slice(0, 2).map(({ publicKey }) => exportJWK(publicKey)));
  issuer.serve({ status: 200, body: JSON.stringify({ keys }) });
  const access = await startAccess(t, issuer.settings);
  const signed = pairs.map(({ privateKey }, index) =>
    new SignJWT({ sub: `by-${index}`, iss: TEST_ISSUER, aud: TEST_AUDIENCE, exp: nowS() + 60 })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(privateKey),
  );
  assert.equal((await access.verify(`Bearer ${await signed[0]}`)).subject, 'by-0');
  assert.equal((await access.verify(`Bearer ${await signed[1]}`)).subject, 'by-1');
  await assert.rejects(access.verify(`Bearer ${await signed[2]}`), refusedFor('signature'));
});

test('a thousand unknown kids cost a few fetches, and a key rotated just after one works within seconds', async (t) => {
  const { issuer, access } = await issuerAndAccess(t, { ACCESS_JWKS_REFRESH_MS: '600000' });
  await access.verify(await issuer.authorization());
  const stranger = await generateKeyPair('ES256');
  const before = issuer.fetches();
  const startedMs = performance.now();
  for (let number = 0; number < 1000; number += 1) {
    const token = await new SignJWT({ sub: 'x', iss: TEST_ISSUER, aud: TEST_AUDIENCE, exp: nowS() + 60 })
      .setProtectedHeader({ alg: 'ES256', kid: `unknown-${number}` })
      .sign(stranger.privateKey);
    await assert.rejects(access.verify(`Bearer ${token}`), refusedFor('signature'));
  }
  const allowed = Math.ceil((performance.now() - startedMs) / 300) + 1;
  assert.ok(issuer.fetches() - before <= allowed, `${issuer.fetches() - before} fetches, not ${allowed}`);
  await issuer.rotate();
  const authorization = await issuer.authorization();
  await eventually(() => access.verify(authorization), { deadlineMs: 5000 });
});

test('a token that was good is refused once its key is revoked, and once it has expired', async (t) => {
  const { issuer, access } = await issuerAndAccess(t, { ACCESS_JWKS_REFRESH_MS: '1000' });
  const authorization = await issuer.authorization();
  await access.verify(authorization);
  await issuer.rotate();
  issuer.revokeFormer();
  await eventually(() => assert.rejects(access.verify(authorization), refusedFor('signature')));
  // Clocks may differ by five seconds.
  const ending = await issuer.authorization({ exp: nowS() - 3 });
  await access.verify(ending);
  await eventually(() => assert.rejects(access.verify(ending), refusedFor('expired')));
});

test('while the issuer is away its last keys are used, then nobody is let in and nobody is told that it is their fault', async (t) => {
  const times = { ACCESS_JWKS_REFRESH_MS: '1000', ACCESS_JWKS_KEPT_MS: '3000' };
  const { issuer, access } = await issuerAndAccess(t, times);
  const authorization = await issuer.authorization();
  await access.verify(authorization);
  await issuer.goAway();
  await access.verify(authorization);
  await access.verify(await issuer.authorization({ sub: 'another' }));
  await issuer.rotate();
  const signedMeanwhile = await issuer.authorization();
  await eventually(() =>
    assert.rejects(access.verify(signedMeanwhile), refusedFor('keys_unavailable', 'keys-unavailable')),
  );
  await eventually(() =>
    assert.rejects(access.verify(authorization), refusedFor('keys_unavailable', 'keys-unavailable')),
  );
  await issuer.comeBack();
  await eventually(() => access.verify(authorization));
  await access.verify(signedMeanwhile);
});

test('an issuer that was never there is no fault of the token', async (t) => {
  const issuer = await startTokenIssuer(t);
  const answers = [
    { status: 500, body: 'down' },
    { status: 200, body: '<html>' },
    { status: 200, body: '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}' },
    { status: 302, body: '' },
    { status: 200, body: ' '.repeat(1_100_000) },
  ];
  for (const answer of answers) {
    issuer.serve(answer);
    const access = await startAccess(t, issuer.settings);
    await assert.rejects(
      access.verify(await issuer.authorization()),
      refusedFor('keys_unavailable', 'keys-unavailable'),
    );
  }
});

test('keys in a file are read again when it changes; a broken one changes nothing', async (t) => {
  const issuer = await startTokenIssuer(t);
  const folder = await mkdtemp(path.join(tmpdir(), 'keys-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'jwks.json');
  const write = () => writeFile(file, JSON.stringify(issuer.keySet()));
  await write();
  const { ACCESS_JWKS_URL: _, ...others } = issuer.settings;
  const access = await startAccess(t, { ...others, ACCESS_JWKS_FILE: file, ACCESS_JWKS_REFRESH_MS: '1000' });
  await access.verify(await issuer.authorization());
  await writeFile(file, '{"keys":');
  await issuer.rotate();
  await access.verify(await issuer.authorization()).catch(() => undefined);
  await write();
  const authorization = await issuer.authorization();
  await eventually(() => access.verify(authorization));
});

test('a shared secret has a verifier of its own', async (t) => {
  const secret = 'a secret that is long enough for this';
  const { ACCESS_JWKS_URL: _, ...others } = (await startTokenIssuer(t)).settings;
  const access = await startAccess(t, { ...others, ACCESS_SECRET: secret });
  const sign = (alg: string, key: string) =>
    new SignJWT({ sub: 'x', iss: TEST_ISSUER, aud: TEST_AUDIENCE, exp: nowS() + 60 })
      .setProtectedHeader({ alg })
      .sign(new TextEncoder().encode(key));
  assert.equal((await access.verify(`Bearer ${await sign('HS256', secret)}`)).subject, 'x');
  await assert.rejects(
    access.verify(`Bearer ${await sign('HS256', secret.toUpperCase())}`),
    refusedFor('signature'),
  );
  await assert.rejects(
    access.verify(`Bearer ${await sign('HS512', `${secret}${secret}`)}`),
    refusedFor('signature'),
  );
});
