import assert from 'node:assert/strict';
import test from 'node:test';
import { createTestDatabase, eventually, startApp } from '../../../test/harness/index.ts';
import { startTokenIssuer } from '../../../test/harness/token-issuer.ts';

test("the relay's pages are for admins where access control is on, probes for everybody", async (t) => {
  const { url } = await createTestDatabase(t);
  const issuer = await startTokenIssuer(t);
  const env = { DATABASE_URL: url, KAFKA_BROKERS: 'none', ...issuer.settings };
  const relay = await startApp(t, 'relay', env);
  const ask = async (path: string, claims?: Readonly<Record<string, unknown>>) => {
    const headers = claims && { authorization: await issuer.authorization(claims) };
    const answer = await fetch(relay.urls.admin + path, { ...(headers && { headers }) });
    await answer.body?.cancel();
    return `${answer.status} ${answer.headers.get('www-authenticate') ?? ''}`.trim();
  };
  const scope = 'orders:admin';
  assert.equal(await ask('/livez'), '200');
  // Without brokers it is up, and publishes nothing.
  assert.match(await ask('/readyz'), /^(200|503)$/);
  for (const path of ['/', '/status', '/metrics', '/config', '/nowhere']) {
    assert.equal(await ask(path), '401 Bearer', path);
    assert.equal(await ask(path, { scope: 'orders:read orders:watch' }), '403', path);
    assert.equal(await ask(path, { scope, customer_id: 'c-1' }), '403', path);
    assert.equal(await ask(path, { scope }), path === '/nowhere' ? '404' : '200', path);
  }
  await eventually(() => {
    const audits = relay.logs().filter(({ msg }) => msg === 'audit');
    const reasons = new Set(audits.map((line) => (line['audit'] as { reason: string }).reason));
    assert.deepEqual([...reasons].toSorted(), ['customer', 'missing', 'scope']);
    assert.ok(!relay.logs().some((line) => JSON.stringify(line).includes('eyJ')), 'a token');
  });
});

test('a relay that is told of no access control in production does not start', async (t) => {
  const env = {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgres://a:b@127.0.0.1/c',
    KAFKA_BROKERS: '127.0.0.1:1',
  };
  await assert.rejects(startApp(t, 'relay', env), /ACCESS_CONTROL: must be jwt in production/);
});
