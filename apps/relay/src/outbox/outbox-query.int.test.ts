import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { createTestDatabase } from '../../../../test/harness/index.ts';
import { type Cursor, CURSOR_AT_START } from './cursor.ts';
import { buildOutboxQuery } from './outbox-query.ts';

const ROWS = 1_000_000;
const LIMITS = { rows: 2000, bytes: 8 * 1024 * 1024 };
const ALL = Array.from({ length: 12 }, (_, partition) => partition);

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: PlanNode[];
}

async function openDatabase(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  t.after(() => pool.end());
  const snapshot = async () =>
    (await pool.query<{ now: string }>('SELECT pg_current_snapshot()::text AS now')).rows[0]?.now ?? '';
  return { pool, snapshot };
}

/** Runs a look at the outbox and tells what it cost: pages touched, and tables read from end to end. */
async function look(pool: pg.Pool, cursor: Cursor) {
  const { text, values } = buildOutboxQuery([{ cursor, partitions: ALL }], 12, LIMITS);
  const { rows } = await pool.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
    values,
  );
  const plan = rows[0]?.['QUERY PLAN'][0]?.Plan;
  assert.ok(plan);
  const nodes = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodes)];
  return {
    pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
    scanned: nodes(plan)
      .filter((node) => node['Node Type'] === 'Seq Scan')
      .map((node) => node['Relation Name']),
  };
}

test('a look at a million published rows costs what a look at an empty outbox costs, whatever the planner believes', async (t) => {
  const { pool, snapshot } = await openDatabase(t);
  const empty = await look(pool, { snapshot: await snapshot() });
  const beforeRows = await snapshot();
  await pool.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
     SELECT 'order', number, gen_random_uuid(), 'order.updated', '{}' FROM generate_series(1, ${ROWS}) AS number`,
  );
  const whenDone = { snapshot: await snapshot() };
  const middle = { target: whenDone.snapshot, afterSeq: BigInt(ROWS / 2), endSeq: BigInt(ROWS) };
  const inPages = { snapshot: beforeRows, page: middle };

  for (const statistics of ['of the empty table', 'of the full table']) {
    if (statistics === 'of the full table') await pool.query('ANALYZE outbox');
    // The first plan after a bulk load also cleans up index entries.
    await look(pool, whenDone);
    const idle = await look(pool, whenDone);
    assert.deepEqual(idle.scanned, [], statistics);
    assert.ok(
      idle.pages <= empty.pages + 20,
      `${idle.pages} pages, ${empty.pages} on the empty table, statistics ${statistics}`,
    );
    // A page of 2,000 of the million rows: some rows to a heap page, some to an index page.
    const page = await look(pool, inPages);
    assert.deepEqual(page.scanned, [], statistics);
    assert.ok(
      page.pages < LIMITS.rows,
      `${page.pages} pages for a page of ${LIMITS.rows} rows, statistics ${statistics}`,
    );
  }
});

test('a look at the first page of everything stops at its limit', async (t) => {
  const { pool } = await openDatabase(t);
  await pool.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
     SELECT 'order', number, gen_random_uuid(), 'order.updated', '{}' FROM generate_series(1, 100000) AS number`,
  );
  const first = await look(pool, CURSOR_AT_START);
  assert.deepEqual(first.scanned, []);
  assert.ok(first.pages < LIMITS.rows, `${first.pages} pages`);
});
