import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateToLatest } from '@order-events/database';
import pg from 'pg';
import { createTestTopic, eventually, startApp, startPostgres } from '../harness/index.ts';
import { eventIdsOfTopic, insertOutboxEvents, outboxEventIds } from '../harness/outbox-events.ts';

/** A crash loses what was not flushed: with these, the ends of many transactions that did nothing. */
const LAZY_WAL = { wal_writer_delay: '10s', wal_writer_flush_after: '1GB' };
const ABORTED_TRANSACTIONS = 300;
/** More than that: with the last of them the database is as far as the relay had seen it, and nothing looks wrong any more. */
const EVENTS = 600;

async function nextTransactionId(pool: pg.Pool): Promise<bigint> {
  const { rows } = await pool.query<{ xmax: string }>(
    'SELECT pg_snapshot_xmax(pg_current_snapshot()) AS xmax',
  );
  return BigInt(rows[0]?.xmax ?? 0);
}

test('transaction ids that a crash of Postgres gives out again do not hide their events from a running relay', async (t) => {
  const postgres = await startPostgres(t, { settings: LAZY_WAL });
  await migrateToLatest(postgres.url);
  const { brokers, topic } = await createTestTopic(t);
  // Renewals are commits, and each flushes what was logged before it: one in twenty seconds leaves room for the crash.
  const relay = await startApp(t, 'relay', {
    DATABASE_URL: postgres.url,
    KAFKA_BROKERS: brokers.join(','),
    KAFKA_TOPIC: topic,
    RELAY_LEASE_MS: '60000',
    RELAY_IDLE_POLL_MS: '2',
  });
  const pool = new pg.Pool({ connectionString: postgres.url, max: 1 });
  pool.on('error', () => {});
  t.after(() => pool.end());
  await insertOutboxEvents(pool, 1);
  const published = () => eventIdsOfTopic(brokers, topic);
  await eventually(async () => assert.deepEqual(await published(), await outboxEventIds(pool)));

  const client = await pool.connect();
  client.on('error', () => {});
  for (let count = 0; count < ABORTED_TRANSACTIONS; count++) {
    await client.query('BEGIN; SELECT pg_current_xact_id(); ROLLBACK');
  }
  client.release();
  const seenByRelay = await nextTransactionId(pool);
  const polls = async () => {
    const metrics = await (await fetch(`${relay.urls.admin}/metrics`)).text();
    return Number(/^outbox_relay_poll_duration_seconds_count\S* (\d+)$/m.exec(metrics)?.[1]);
  };
  const pollsBefore = await polls();
  await eventually(async () => assert.ok((await polls()) > pollsBefore + 1), { intervalMs: 5 });
  await postgres.kill();
  await postgres.restart();
  assert.ok((await nextTransactionId(pool)) < seenByRelay, 'the crash must have lost transaction ids');

  await insertOutboxEvents(pool, EVENTS);
  assert.ok((await nextTransactionId(pool)) > seenByRelay);
  const committed = await outboxEventIds(pool);
  const all = async () => assert.equal((await published()).length, committed.length);
  await eventually(all, { deadlineMs: 60_000 });
  assert.deepEqual(await published(), committed);
});
