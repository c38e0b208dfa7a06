import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { accessFaults, accessSettings } from './index.ts';

const JWT = {
  ACCESS_CONTROL: 'jwt',
  ACCESS_ISSUER: 'https://issuer.test',
  ACCESS_AUDIENCE: 'order-events',
  ACCESS_JWKS_URL: 'https://issuer.test/jwks.json',
};

function faults(NODE_ENV: string, env: Readonly<Record<string, string>>): string[] {
  return accessFaults({ ...z.object(accessSettings).parse(env), NODE_ENV });
}

test('production does not start open, unless it is told so in words', () => {
  assert.deepEqual(faults('development', {}), []);
  const [open] = faults('production', {});
  assert.match(open ?? '', /^ACCESS_CONTROL: must be jwt in production/);
  assert.equal(faults('production', { ACCESS_CONTROL: 'off' }).length, 1);
  assert.deepEqual(faults('production', { ACCESS_CONTROL: 'open-to-everybody' }), []);
  assert.deepEqual(faults('production', JWT), []);
});

test('what is missing or too much is named', () => {
  const faulty = (env: object) =>
    faults('production', { ...JWT, ...env }).map((fault) => fault.split(':')[0]);
  assert.deepEqual(faults('development', { ACCESS_CONTROL: 'jwt' }).length, 3);
  const sources = ['ACCESS_JWKS_URL, ACCESS_JWKS_FILE, ACCESS_SECRET'];
  assert.deepEqual(faulty({ ACCESS_SECRET: 's'.repeat(32) }), sources);
  assert.deepEqual(faulty({ ACCESS_JWKS_URL: 'http://issuer.test/' }), ['ACCESS_JWKS_URL']);
  assert.deepEqual(faulty({ ACCESS_JWKS_KEPT_MS: '1000' }), ['ACCESS_JWKS_KEPT_MS']);
  const { ACCESS_JWKS_URL: _, ...others } = JWT;
  assert.deepEqual(
    faults('production', { ...others, ACCESS_JWKS_FILE: import.meta.filename }).map((f) => f.split(':')[0]),
    ['ACCESS_JWKS_FILE'],
  );
});

test('a shared secret is no algorithm of a key set, and a short one is no secret', () => {
  const parse = (env: object) => z.object(accessSettings).safeParse(env).success;
  assert.ok(parse({ ACCESS_ALGORITHMS: 'RS256, ES256' }));
  for (const ACCESS_ALGORITHMS of ['HS256', 'none', 'RS256,HS256', 'rs256', ',']) {
    assert.ok(!parse({ ACCESS_ALGORITHMS }), ACCESS_ALGORITHMS);
  }
  assert.ok(!parse({ ACCESS_SECRET: 's'.repeat(31) }));
});
