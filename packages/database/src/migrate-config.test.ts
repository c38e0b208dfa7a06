import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateConfig } from './migrate-config.ts';

test('the migrate job needs no settings in development', () => {
  assert.deepEqual(migrateConfig({}), {
    url: 'postgres://orders:orders@127.0.0.1:5432/orders',
    waitMs: 60_000,
    warnings: [],
  });
});

test('every wrong setting of the migrate job is named', () => {
  assert.throws(
    () => migrateConfig({ DATABASE_URL: 'localhost', MIGRATE_WAIT_MS: 'soon' }),
    /DATABASE_URL = \*{3}: must be a URL .*\n +MIGRATE_WAIT_MS = "soon": /,
  );
});

test('in production the owner of the tables does not log in over a network without TLS', () => {
  const env = { NODE_ENV: 'production', DATABASE_URL: 'postgres://db/orders' };
  assert.throws(() => migrateConfig(env), /DATABASE_CLEARTEXT=accept/);
  assert.equal(migrateConfig({ ...env, DATABASE_CLEARTEXT: 'accept' }).warnings.length, 1);
});

test('the migrate job goes past a pooler', () => {
  const DATABASE_DIRECT_URL = 'postgres://db/orders';
  const env = { DATABASE_URL: 'postgres://pooler:6432/orders', DATABASE_DIRECT_URL };
  assert.equal(migrateConfig(env).url, DATABASE_DIRECT_URL);
  assert.throws(
    () => migrateConfig({ DATABASE_DIRECT_URL: 'db' }),
    /DATABASE_DIRECT_URL = \*{3}: must be a URL/,
  );
});
