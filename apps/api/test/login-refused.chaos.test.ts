import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateToLatest } from '@order-events/database';
import pg from 'pg';
import { eventually, startApp, startPostgres } from '../../../test/harness/index.ts';
import { createOrderClient, ORDER } from '../testing/order-client.ts';

test('a running API whose password is refused answers 503 and goes on by itself when it is taken again', async (t) => {
  const postgres = await startPostgres(t);
  await migrateToLatest(postgres.url);
  const pool = new pg.Pool({ connectionString: postgres.url, max: 1 });
  // Its own connection is still open when the server ends.
  pool.on('error', () => {});
  t.after(() => pool.end());
  await pool.query(`CREATE ROLE shop SUPERUSER LOGIN PASSWORD 'of before'`);
  const { rows } = await pool.query<{ hba_file: string }>('SHOW hba_file');
  // The server lets in everybody else as ever.
  await pool.query(
    `COPY (VALUES ('host all shop 127.0.0.1/32 scram-sha-256'), ('host all all 127.0.0.1/32 trust')) TO '${rows[0]?.hba_file}'`,
  );
  await pool.query('SELECT pg_reload_conf()');
  const url = new URL(postgres.url);
  url.username = 'shop';
  url.password = 'of before';
  const api = await startApp(t, 'api', { DATABASE_URL: url.href });
  const { send, place } = createOrderClient(api.urls.http);
  await eventually(place);

  await pool.query(`ALTER ROLE shop PASSWORD 'of now'`);
  await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop'`);
  for (const [method, body] of [['GET'], ['POST', ORDER]] as const) {
    const refused = await send(method, '/orders', body);
    assert.deepEqual(
      [refused.status, refused.body['code'], refused.headers.get('retry-after')],
      [503, 'service_unavailable', '1'],
    );
    assert.doesNotMatch(JSON.stringify(refused.body), /password|shop/);
  }
  assert.equal((await fetch(`${api.urls.admin}/readyz`)).status, 503);

  await pool.query(`ALTER ROLE shop PASSWORD 'of before'`);
  await eventually(place);
  await eventually(async () => assert.equal((await fetch(`${api.urls.admin}/readyz`)).status, 200));
});
