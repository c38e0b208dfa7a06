import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { createTestDatabase } from '../../../../test/harness/index.ts';
import { CURSOR_AT_START } from '../cursor.ts';
import { measurePending } from './pending-query.ts';

const PARTITIONS = 4;

async function setup(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  t.after(() => pool.end());
  const insert = (client: pg.Pool | pg.ClientBase, partition: number, count: number, age = '0 s') =>
    client.query(
      `INSERT INTO outbox (key, key_hash, event_id, event_type, payload, created_at)
       SELECT 'key', $1, gen_random_uuid(), 'order.updated', '{}', clock_timestamp() - $3::interval FROM generate_series(1, $2)`,
      [partition + PARTITIONS, count, age],
    );
  const snapshot = async () => {
    const { rows } = await pool.query<{ now: string }>('SELECT pg_current_snapshot()::text AS now');
    return rows[0]!.now;
  };
  const measure = async (cursors: Parameters<typeof measurePending>[1], maxRows = 10_000) => {
    const pending = await measurePending(pool, cursors, PARTITIONS, maxRows);
    return cursors.map(({ partition }) => pending.get(partition)!);
  };
  return { pool, insert, snapshot, measure };
}

test('what no cursor covers is counted by partition, with the age of its oldest event', async (t) => {
  const { pool, insert, snapshot, measure } = await setup(t);
  await insert(pool, 0, 3, '1 h');
  await insert(pool, 1, 5);
  const between = await snapshot();
  await insert(pool, 1, 2);
  const [zero, one, two] = await measure([
    { partition: 0, cursor: CURSOR_AT_START },
    { partition: 1, cursor: { snapshot: between } },
    { partition: 2, cursor: CURSOR_AT_START },
  ]);
  assert.equal(zero!.events, 3);
  assert.ok(Math.abs(zero!.oldestAgeSeconds - 3600) < 60);
  assert.equal(one!.events, 2);
  assert.ok(one!.oldestAgeSeconds < 60);
  assert.deepEqual(two, { events: 0, oldestAgeSeconds: 0, estimated: false });
});

test('what committed late counts from the moment it is committed', async (t) => {
  const { pool, insert, snapshot, measure } = await setup(t);
  const client = await pool.connect();
  await client.query('BEGIN');
  await insert(client, 0, 4);
  // A later transaction lifts the end of the snapshot over the open one.
  await insert(pool, 3, 1);
  const cursor = { snapshot: await snapshot() };
  const [open] = await measure([{ partition: 0, cursor }]);
  await client.query('COMMIT');
  client.release();
  assert.equal(open!.events, 0);
  assert.equal((await measure([{ partition: 0, cursor }]))[0]!.events, 4);
});

test('of a window that is worked off in pages, what its pages have not reached is counted', async (t) => {
  const { pool, insert, snapshot, measure } = await setup(t);
  await insert(pool, 0, 10);
  const target = await snapshot();
  await insert(pool, 0, 5);
  const page = { target, afterSeq: 6n, endSeq: 10n };
  const [zero] = await measure([{ partition: 0, cursor: { ...CURSOR_AT_START, page } }]);
  assert.equal(zero!.events, 4 + 5);
});

test('counting stops at its limit, says so, and estimates the rest', async (t) => {
  const { pool, insert, measure } = await setup(t);
  // Partitions 0 and 1 have the same share of it.
  for (let round = 0; round < 20; round++) for (const partition of [0, 1]) await insert(pool, partition, 100);
  const cursors = [0, 1].map((partition) => ({ partition, cursor: CURSOR_AT_START }));
  const pending = await measure(cursors, 1000);
  for (const { events, estimated } of pending) {
    assert.equal(estimated, true);
    assert.ok(events > 1900 && events < 2100, `${events}`);
  }
  assert.deepEqual(
    (await measure(cursors, 10_000)).map(({ events, estimated }) => ({ events, estimated })),
    [
      { events: 2000, estimated: false },
      { events: 2000, estimated: false },
    ],
  );
});

test('a large backlog is walked up to the limit only, with statistics or without', async (t) => {
  const { pool, insert } = await setup(t);
  await insert(pool, 0, 200_000);
  const statements: string[] = [];
  const explaining = {
    query: async (text: string, values: unknown[]) => {
      const { rows } = await pool.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN (ANALYZE, COSTS OFF) ${text}`,
        values,
      );
      statements.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
      return { rows: [] };
    },
  } as unknown as pg.Pool;
  const cursors = [{ partition: 0, cursor: CURSOR_AT_START }];
  await measurePending(explaining, cursors, PARTITIONS, 1000);
  await pool.query('ANALYZE outbox');
  await measurePending(explaining, cursors, PARTITIONS, 1000);
  for (const plan of statements) {
    assert.match(plan, /Index Scan using outbox_default_xid_idx/);
    assert.doesNotMatch(plan, /rows=200000/);
  }
});
