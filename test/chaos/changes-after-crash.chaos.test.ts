import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateToLatest } from '@order-events/database';
import pg from 'pg';
import { walkList } from '../../apps/api/testing/changes-poller.ts';
import { createOrderClient } from '../../apps/api/testing/order-client.ts';
import { eventually, startApp, startPostgres } from '../harness/index.ts';

/** A crash loses what was not flushed: with these, the ends of many transactions that did nothing. */
const LAZY_WAL = { wal_writer_delay: '10s', wal_writer_flush_after: '1GB' };
const ABORTED_TRANSACTIONS = 300;

async function nextTransactionId(pool: pg.Pool): Promise<bigint> {
  const { rows } = await pool.query<{ xmax: string }>(
    'SELECT pg_snapshot_xmax(pg_current_snapshot()) AS xmax',
  );
  return BigInt(rows[0]?.xmax ?? 0);
}

test('a changes_token from before a crash of Postgres, whose transaction ids are given out again, is refused and hides nothing', async (t) => {
  const postgres = await startPostgres(t, { settings: LAZY_WAL });
  await migrateToLatest(postgres.url);
  const api = await startApp(t, 'api', { DATABASE_URL: postgres.url });
  const client = createOrderClient(api.urls.http);
  const pool = new pg.Pool({ connectionString: postgres.url, max: 1 });
  pool.on('error', () => {});
  t.after(() => pool.end());
  const before = await client.place();

  const aborting = await pool.connect();
  aborting.on('error', () => {});
  for (let count = 0; count < ABORTED_TRANSACTIONS; count += 1) {
    await aborting.query('BEGIN; SELECT pg_current_xact_id(); ROLLBACK');
  }
  aborting.release();
  const seen = await nextTransactionId(pool);
  const { token } = await walkList(client, 'page_size=50');
  await postgres.kill();
  await postgres.restart();
  const lostIds = seen - (await nextTransactionId(pool));
  t.diagnostic(`${lostIds} transaction ids are given out again`);

  let after = '';
  await eventually(async () => void (after = await client.place()));
  const { status, body } = await client.send('GET', `/orders?changed_since=${token}`);
  assert.deepEqual([status, body['code']], [410, 'changes_expired']);
  const again = await walkList(client, 'page_size=50');
  const ids = again.orders.map((order) => order.order_id);
  assert.ok(ids.includes(before) && ids.includes(after));
  const next = await client.place();
  const changes = await walkList(client, `page_size=50&changed_since=${again.token}`);
  assert.deepEqual(
    changes.orders.map((order) => order.order_id),
    [next],
  );
});
