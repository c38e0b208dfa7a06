import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateConfig } from './migrate-config.ts';

test('the migrate job needs no settings in development', () => {
  assert.deepEqual(migrateConfig({}), {
    url: 'postgres://orders:orders@127.0.0.1:5432/orders',
    waitMs: 60_000,
  });
});

test('every wrong setting of the migrate job is named', () => {
  assert.throws(
    () => migrateConfig({ DATABASE_URL: 'localhost', MIGRATE_WAIT_MS: 'soon' }),
    /DATABASE_URL: must be .*\nMIGRATE_WAIT_MS: must be/,
  );
});
