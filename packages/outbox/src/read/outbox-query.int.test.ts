import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { createTestDatabase } from '../../../../test/harness/index.ts';
import { type Cursor, CURSOR_AT_START } from '../cursor.ts';
import { buildOutboxQuery } from './outbox-query.ts';

const ROWS = 100_000;
const LIMITS = { rows: 2000, bytes: 8 * 1024 * 1024 };
const ALL = Array.from({ length: 12 }, (_, partition) => partition);

interface Plan {
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
}

async function openDatabase(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  t.after(() => pool.end());
  const snapshot = async () =>
    (await pool.query<{ now: string }>('SELECT pg_current_snapshot()::text AS now')).rows[0]?.now ?? '';
  return { url, pool, snapshot };
}

/** Runs a look at the outbox and tells what it cost: blocks touched, in the function's own plans too. */
async function look(pool: pg.Pool, cursor: Cursor): Promise<number> {
  const { text, values } = buildOutboxQuery([{ cursor, partitions: ALL }], 12, LIMITS);
  const { rows } = await pool.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
    values,
  );
  const plan = rows[0]?.['QUERY PLAN'][0]?.Plan;
  assert.ok(plan);
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
}

async function insertEvents(pool: pg.Pool, rows: number, createdAt = 'clock_timestamp()'): Promise<void> {
  await pool.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload, created_at)
     SELECT 'order', number, gen_random_uuid(), 'order.updated', '{}', ${createdAt} FROM generate_series(1, ${rows}) AS number`,
  );
}

async function createDailyPartitions(pool: pg.Pool, days: number): Promise<void> {
  for (let day = 0; day < days; day++) {
    const bounds = [day, day + 1].map((offset) => new Date(Date.UTC(2026, 0, 1 + offset)).toISOString());
    await pool.query(
      `CREATE TABLE outbox_day_${day} PARTITION OF outbox FOR VALUES FROM ('${bounds[0]}') TO ('${bounds[1]}')`,
    );
  }
}

test('a look at a hundred thousand published rows costs what a look at an empty outbox costs, whatever the planner believes', async (t) => {
  const { pool, snapshot } = await openDatabase(t);
  const empty = await look(pool, { snapshot: await snapshot() });
  const beforeRows = await snapshot();
  await insertEvents(pool, ROWS);
  const whenDone = { snapshot: await snapshot() };
  const middle = { target: whenDone.snapshot, afterSeq: BigInt(ROWS / 2), endSeq: BigInt(ROWS) };
  const inPages = { snapshot: beforeRows, page: middle };

  for (const statistics of ['of the empty table', 'of the full table']) {
    if (statistics === 'of the full table') await pool.query('ANALYZE outbox');
    // The first plan after a bulk load also cleans up index entries.
    await look(pool, whenDone);
    const idle = await look(pool, whenDone);
    assert.ok(idle <= empty + 20, `${idle} blocks, ${empty} on the empty table, statistics ${statistics}`);
    // A page of 2,000 of all rows: some rows to a heap block, some to an index block.
    const page = await look(pool, inPages);
    assert.ok(
      page < LIMITS.rows,
      `${page} blocks for a page of ${LIMITS.rows} rows, statistics ${statistics}`,
    );
  }
});

test('a look at the first page of everything stops at its limit', async (t) => {
  const { pool } = await openDatabase(t);
  // Planned for the empty table, and kept by the session.
  await look(pool, CURSOR_AT_START);
  await insertEvents(pool, 100_000);
  const first = await look(pool, CURSOR_AT_START);
  assert.ok(first < LIMITS.rows, `${first} blocks`);
});

test('a look over a week of partitions touches a few blocks of each, however many transactions are open', async (t) => {
  const { url, pool, snapshot } = await openDatabase(t);
  const partitions = 12;
  await createDailyPartitions(pool, partitions - 1);
  await insertEvents(pool, 50_000, `timestamptz '2026-01-01 00:00Z' + number * interval '19 seconds'`);
  const costOfAnEmptyLook = async () => {
    const cursor = { snapshot: await snapshot() };
    await look(pool, cursor);
    return look(pool, cursor);
  };
  const quiet = await costOfAnEmptyLook();
  assert.ok(quiet <= partitions * 8, `${quiet} blocks in ${partitions} partitions`);

  const writers = new pg.Pool({ connectionString: url, max: 40 });
  t.after(() => writers.end());
  const clients = await Promise.all(Array.from({ length: 40 }, () => writers.connect()));
  for (const client of clients) await client.query('BEGIN; SELECT pg_current_xact_id()');
  const busy = await costOfAnEmptyLook();
  for (const client of clients) client.release(true);
  assert.ok(busy <= quiet + 2, `${busy} blocks with 40 open transactions, ${quiet} without`);
});

test('of rows with large payloads only those of the page are read and sent', async (t) => {
  const { pool } = await openDatabase(t);
  await pool.query('ALTER TABLE outbox ALTER COLUMN payload SET STORAGE EXTERNAL');
  await pool.query('ALTER TABLE outbox_default ALTER COLUMN payload SET STORAGE EXTERNAL');
  await pool.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
     SELECT 'order', number, gen_random_uuid(), 'order.updated', repeat('x', 900000) FROM generate_series(1, 60) AS number`,
  );
  const query = buildOutboxQuery([{ cursor: CURSOR_AT_START, partitions: ALL }], 12, LIMITS);
  const blocksBefore = await toastBlocks(pool);
  const { rows } = await pool.query<{ payload: string | null }>(query);
  const bytes = rows.reduce((sum, { payload }) => sum + (payload?.length ?? 0), 0);
  assert.ok(bytes >= LIMITS.bytes && bytes < LIMITS.bytes + 900_000, `${bytes} bytes`);
  const blocks = (await toastBlocks(pool)) - blocksBefore;
  assert.ok(blocks > 0 && blocks * 8192 < 2.5 * bytes, `${blocks} blocks of payload read for ${bytes} bytes`);
});

/** Blocks of payloads stored out of line that were looked at so far, index blocks included. */
async function toastBlocks(pool: pg.Pool): Promise<number> {
  const client = await pool.connect();
  try {
    await client.query('SELECT pg_stat_force_next_flush()');
    const { rows } = await client.query<{ blocks: string }>(
      `SELECT sum(toast_blks_hit + toast_blks_read)::text AS blocks FROM pg_statio_user_tables WHERE relname LIKE 'outbox%'`,
    );
    return Number(rows[0]?.blocks);
  } finally {
    client.release();
  }
}
