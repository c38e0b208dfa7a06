import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateToLatest } from '@order-events/database';
import pg from 'pg';
import type { AppProcess, EmbeddedPostgres } from '../../tools/stack/index.ts';
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

/** A crash that comes behind a flush, as the renewal of a lease is one, loses nothing: then another one is brought about. */
const CRASHES = 10;

/** Transactions that did nothing, seen by the relay in a whole look of its own, and then the crash. Says whether it lost their ids. */
async function crashLosesIds(postgres: EmbeddedPostgres, pool: pg.Pool, relay: AppProcess): Promise<boolean> {
  const client = await pool.connect();
  client.on('error', () => {});
  for (let count = 0; count < ABORTED_TRANSACTIONS; count++) {
    await client.query('BEGIN; SELECT pg_current_xact_id(); ROLLBACK');
  }
  client.release();
  const seenByRelay = await nextTransactionId(pool);
  const looksBefore = await looksOf(relay);
  await eventually(async () => assert.ok((await looksOf(relay)) > looksBefore + 1), { intervalMs: 5 });
  await postgres.kill();
  await postgres.restart();
  return (await nextTransactionId(pool)) < seenByRelay;
}

async function looksOf(relay: AppProcess): Promise<number> {
  const metrics = await (await fetch(`${relay.urls.admin}/metrics`)).text();
  return Number(/^outbox_relay_poll_duration_seconds_count\S* (\d+)$/m.exec(metrics)?.[1]);
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
  const allPublished = async () =>
    assert.deepEqual(await eventIdsOfTopic(brokers, topic), await outboxEventIds(pool));

  let lost = false;
  for (let crash = 0; crash < CRASHES && !lost; crash++) {
    // An event that arrives says that the relay reads this life of the database.
    await insertOutboxEvents(pool, 1);
    await eventually(allPublished);
    lost = await crashLosesIds(postgres, pool, relay);
  }
  assert.ok(lost, `one of ${CRASHES} crashes must have lost transaction ids`);

  await insertOutboxEvents(pool, EVENTS);
  const committed = await outboxEventIds(pool);
  const all = async () => assert.equal((await eventIdsOfTopic(brokers, topic)).length, committed.length);
  await eventually(all);
  await allPublished();
});
