import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createOutboxReader, CURSOR_AT_START, dayTableName } from '@order-events/outbox';
import { createLogger } from '@order-events/runtime';
import pg from 'pg';
import { createTestDatabase, eventually } from '../../../test/harness/index.ts';
import { tidyDayTables } from './janitor.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const NEVER = new AbortController().signal;
const dayOffset = (days: number) => new Date(Date.now() + days * DAY_MS);

async function setup(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 8 });
  // A test below ends a connection of the pool.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  t.after(() => pool.end());
  const log = createLogger({ service: 'test', level: 'silent' });
  const kept: string[] = [];
  const told = { onDropped: () => {}, onKept: (reason: string) => kept.push(reason), onRefused: () => {} };
  const tidy = () => tidyDayTables({ pool, log, replayWindowMs: 7 * DAY_MS, ...told }, NEVER);
  return { url, pool, kept, tidy };
}

/** A partition of a day long ago, made as the janitor would have made it then. */
async function createOldPartition(pool: pg.Pool, daysAgo: number, rows: number): Promise<string> {
  const day = dayOffset(-daysAgo);
  const name = dayTableName(day);
  const bounds = [day, new Date(day.getTime() + DAY_MS)].map((date) => date.toISOString().slice(0, 10));
  await pool.query(
    `CREATE TABLE ${name} PARTITION OF outbox FOR VALUES FROM ('${bounds[0]}') TO ('${bounds[1]}')`,
  );
  await insertAt(pool, new Date(`${bounds[0]}T12:00:00Z`), rows);
  return name;
}

async function openTransaction(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.after(() => client.end());
  await client.query('BEGIN');
  return client;
}

async function insertAt(client: pg.Pool | pg.Client, createdAt: Date, rows = 1): Promise<void> {
  await client.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload, created_at)
     SELECT 'order', number, gen_random_uuid(), 'order.updated', '{}', $1 FROM generate_series(1, $2::int) AS number`,
    [createdAt, rows],
  );
}

/** All partitions have published everything so far; a real snapshot would be held back by the open transactions of other tests. */
async function publishAll(pool: pg.Pool): Promise<void> {
  await pool.query(
    `INSERT INTO relay_partition (partition, cursor) SELECT generate_series(0, 11), format('%1$s:%1$s:', pg_snapshot_xmax(pg_current_snapshot()))::pg_snapshot
     ON CONFLICT (partition) DO UPDATE SET cursor = excluded.cursor`,
  );
}

async function partitionsOf(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'outbox'::regclass ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

test('partitions for the days ahead are made once, like the default one, and the reader sees what they hold', async (t) => {
  const { pool, tidy } = await setup(t);
  await insertAt(pool, new Date());
  const { created } = await tidy();
  assert.ok(created.length >= 3, String(created));
  assert.deepEqual((await tidy()).created, []);
  const { rows } = await pool.query(
    `SELECT DISTINCT relname LIKE 'outbox\\_2%' AS dated, reloptions::text AS settings,
       (SELECT count(*)::int FROM pg_index WHERE indrelid = pg_class.oid) AS indexes
     FROM pg_class JOIN pg_inherits ON inhrelid = oid WHERE inhparent = 'outbox'::regclass`,
  );
  assert.equal(rows.length, 2);
  assert.deepEqual({ ...rows[0], dated: 0 }, { ...rows[1], dated: 0 });

  // Over midnight: the default partition, the last moment of a day, and the first of the next.
  const midnight = new Date(Math.ceil(Date.now() / DAY_MS) * DAY_MS + DAY_MS);
  await insertAt(pool, new Date(midnight.getTime() - 1));
  await insertAt(pool, midnight);
  const { rows: places } = await pool.query('SELECT DISTINCT tableoid FROM outbox');
  assert.equal(places.length, 3);
  const reader = createOutboxReader({ pool, partitionCount: 1, limits: { rows: 10, bytes: 1000 } });
  const [page] = await reader.read([{ cursor: CURSOR_AT_START, partitions: [0] }]);
  assert.equal(page?.events.length, 3);
});

test('a day for which the default partition holds rows is left out, the others are made', async (t) => {
  const { pool, tidy } = await setup(t);
  await insertAt(pool, dayOffset(1));
  const { created, postponed } = await tidy();
  assert.deepEqual(postponed, [dayTableName(dayOffset(1))]);
  assert.ok(created.includes(dayTableName(dayOffset(2))));
});

test('a partition is dropped when it is past the replay window and every cursor is past it, and not before', async (t) => {
  const { pool, kept, tidy } = await setup(t);
  const old = await createOldPartition(pool, 9, 3);
  const young = await createOldPartition(pool, 6, 3);
  const notYet = await tidy();
  assert.deepEqual(notYet.kept, [{ name: old, reason: 'not published' }], 'there is no cursor at all');

  await publishAll(pool);
  await pool.query(`UPDATE relay_partition SET cursor = '3:3:', mode = 'paused' WHERE partition = 7`);
  assert.deepEqual(
    (await tidy()).kept,
    [{ name: old, reason: 'not published' }],
    'one paused partition is behind',
  );

  await publishAll(pool);
  const { rows } = await pool.query<{ replay_id: string }>(
    `INSERT INTO replay_request (since, to_seq) VALUES (clock_timestamp() - interval '30 days', 100) RETURNING replay_id`,
  );
  await pool.query('INSERT INTO replay_partition (replay_id, partition) VALUES ($1, 3)', [
    rows[0]?.replay_id,
  ]);
  assert.deepEqual((await tidy()).kept, [{ name: old, reason: 'a replay needs it' }]);
  assert.ok((await partitionsOf(pool)).includes(old));

  await pool.query('UPDATE replay_partition SET finished_at = clock_timestamp()');
  const { rows: newest } = await pool.query(`SELECT max(xid)::text AS xid FROM ${old}`);
  assert.deepEqual((await tidy()).dropped, [old]);
  assert.deepEqual((await pool.query('SELECT xid::text FROM dropped_events')).rows, newest);
  const left = await partitionsOf(pool);
  assert.ok(!left.includes(old) && left.includes(young));
  assert.deepEqual(kept, ['not published', 'not published', 'a replay needs it']);
});

test('the default partition is emptied when all of it is old and published', async (t) => {
  const { pool, tidy } = await setup(t);
  await insertAt(pool, dayOffset(-8), 2);
  await insertAt(pool, dayOffset(-6));
  await publishAll(pool);
  assert.deepEqual((await tidy()).dropped, []);
  await pool.query(`DELETE FROM outbox_default WHERE created_at > clock_timestamp() - interval '7 days'`);
  await pool.query(`UPDATE relay_partition SET cursor = '3:3:' WHERE partition = 0`);
  assert.deepEqual((await tidy()).kept, [{ name: 'outbox_default', reason: 'not published' }]);
  await publishAll(pool);
  assert.deepEqual((await tidy()).dropped, ['outbox_default']);
  assert.equal((await pool.query('SELECT FROM outbox')).rowCount, 0);
});

test('an uncommitted row in an old partition keeps it', async (t) => {
  const { url, pool, tidy } = await setup(t);
  const old = await createOldPartition(pool, 9, 1);
  await publishAll(pool);
  const writer = await openTransaction(t, url);
  await insertAt(writer, new Date(dayOffset(-9).setUTCHours(13)));
  assert.deepEqual((await tidy()).postponed, [old]);
  await writer.query('COMMIT');
  assert.deepEqual((await tidy()).kept, [{ name: old, reason: 'not published' }]);
});

test('while a dump reads the tables nothing is changed and nothing breaks; afterwards it is done', async (t) => {
  const { url, pool, tidy } = await setup(t);
  const old = await createOldPartition(pool, 9, 1);
  await publishAll(pool);
  const dump = await openTransaction(t, url);
  await dump.query(`LOCK TABLE outbox, ${old}, outbox_default IN ACCESS SHARE MODE`);
  const during = await tidy();
  assert.deepEqual(during.dropped, []);
  assert.ok(during.postponed.includes(old));
  await insertAt(pool, new Date());
  await dump.query('COMMIT');
  const after = await tidy();
  assert.deepEqual(after.dropped, [old]);
  assert.ok(after.created.length >= 3);
});

test('writers go on while partitions come and go, and none waits long', async (t) => {
  const { pool, tidy } = await setup(t);
  const stop = new AbortController();
  const waits: number[] = [];
  const write = async () => {
    while (!stop.signal.aborted) {
      const startMs = performance.now();
      await insertAt(pool, new Date());
      waits.push(performance.now() - startMs);
    }
  };
  const writers = [1, 2, 3, 4].map(write);
  const dropped: string[] = [];
  for (let daysAgo = 20; daysAgo > 14; daysAgo--) {
    const name = await createOldPartition(pool, daysAgo, 10);
    await publishAll(pool);
    await eventually(async () => {
      dropped.push(...(await tidy()).dropped);
      assert.ok(dropped.includes(name));
    });
  }
  stop.abort();
  await Promise.all(writers);
  assert.equal(dropped.length, 6);
  const { rows } = await pool.query<{ count: number }>('SELECT count(*)::int AS count FROM outbox');
  assert.equal(rows[0]?.count, waits.length);
  // The lock's time-out is 80 ms; a busy machine adds to it.
  assert.ok(Math.max(...waits) < 2000, `${Math.max(...waits)} ms`);
});

test('of several janitors at once each partition is made and dropped by one', async (t) => {
  const { pool, tidy } = await setup(t);
  const old = await createOldPartition(pool, 9, 1);
  await publishAll(pool);
  const all: string[] = [];
  await eventually(async () => {
    const reports = await Promise.all([tidy(), tidy(), tidy()]);
    all.push(...reports.flatMap((report) => report.dropped));
    assert.ok(!(await partitionsOf(pool)).includes(old));
  });
  assert.deepEqual(all, [old]);
  await tidy();
  assert.ok((await partitionsOf(pool)).includes(dayTableName(dayOffset(3))));
});

test('a janitor that dies in the middle leaves nothing behind that the next one minds', async (t) => {
  const { url, pool, tidy } = await setup(t);
  const old = await createOldPartition(pool, 9, 1);
  await publishAll(pool);
  const blocker = await openTransaction(t, url);
  await blocker.query(`LOCK TABLE ${old}, outbox_default IN ACCESS SHARE MODE`);
  const round = tidy().catch((error: unknown) => error);
  await eventually(
    async () => {
      const { rowCount } = await blocker.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()`,
      );
      assert.ok(rowCount);
    },
    { intervalMs: 1 },
  );
  assert.ok((await round) instanceof Error);
  await blocker.query('COMMIT');
  const { rows } = await pool.query(
    `SELECT FROM pg_class WHERE relname LIKE 'outbox\\_2%' AND relkind = 'r' AND NOT relispartition`,
  );
  assert.equal(rows.length, 0);
  await eventually(async () => {
    await tidy();
    const partitions = await partitionsOf(pool);
    assert.ok(!partitions.includes(old) && partitions.includes(dayTableName(dayOffset(3))));
  });
});
