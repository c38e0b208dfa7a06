import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';
import { createTestDatabase, eventually, startPostgres } from '../../../test/harness/index.ts';
import { buildIndexesAhead } from './indexes-ahead.ts';
import { migrationNames } from './migration-files.ts';
import { findMigrationPlace } from './migration-table.ts';
import { migrateToLatest } from './migrator.ts';
import { createPool } from './pool.ts';
import { isSchemaCurrent, requireSchema } from './schema-version.ts';

async function emptyDatabase(t: TestContext): Promise<{ url: string }> {
  const server = await createTestDatabase(t);
  const name = `test_empty_${randomBytes(5).toString('hex')}`;
  const client = new pg.Client(server.url);
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  t.after(async () => {
    await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await client.end();
  });
  return { url: Object.assign(new URL(server.url), { pathname: `/${name}` }).href };
}

function poolOf(t: TestContext, url: string) {
  const pool = createPool({ url, applicationName: 'test', maxConnections: 1, onConnectionError: () => {} });
  t.after(() => pool.end());
  return pool;
}

/** Runs the job as a process; answers with its exit code and what it said. */
async function migrateJob(env: Record<string, string>): Promise<{ code: number; said: string }> {
  const main = join(import.meta.dirname, 'migrate-main.ts');
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [main], { env });
    return { code: 0, said: stdout.trim() };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, said: stderr.trim() };
  }
}

test('of several migrators at the same time one applies everything, the others wait for it', async (t) => {
  const { url } = await emptyDatabase(t);
  const results = await Promise.all([migrateToLatest(url), migrateToLatest(url), migrateToLatest(url)]);
  assert.deepEqual(
    results.toSorted((a, b) => b.length - a.length),
    [await migrationNames(), [], []],
  );
});

test('a schema is refused when a migration is missing, and not when there is one more', async (t) => {
  const { url } = await emptyDatabase(t);
  const pool = poolOf(t, url);
  assert.equal(await isSchemaCurrent(pool), false);
  await assert.rejects(requireSchema(pool), /too old: 0001_orders, .* not applied; run the migrate job/);
  await migrateToLatest(url);
  await pool.query(`INSERT INTO order_events_migration VALUES ('9999_of_the_next_release', '')`);
  await requireSchema(pool);
  await pool.query(`DELETE FROM order_events_migration WHERE name = '0003_relay'`);
  await assert.rejects(requireSchema(pool), { message: /too old: 0003_relay not applied/ });
});

/** What another program that uses Kysely leaves in its schema. */
const FOREIGN_TABLES = `CREATE TABLE kysely_migration (name varchar(255) PRIMARY KEY, timestamp varchar(255) NOT NULL);
  CREATE TABLE kysely_migration_lock (id varchar(255) PRIMARY KEY, is_locked integer NOT NULL DEFAULT 0);
  INSERT INTO kysely_migration VALUES ('0001_customers', '2020-01-01'), ('0002_outbox', '2020-01-02')`;

function inSchema(url: string, searchPath: string): string {
  return `${url}?options=${encodeURIComponent(`-c search_path=${searchPath.replaceAll(' ', String.raw`\ `)}`)}`;
}

test('another Kysely program in the same schema or in the search path is none of its business', async (t) => {
  const { url } = await emptyDatabase(t);
  const pool = poolOf(t, url);
  await pool.query(FOREIGN_TABLES);
  await pool.query('CREATE SCHEMA "shop\'s own"');
  const names = await migrationNames();
  assert.deepEqual(await migrateToLatest(inSchema(url, `"shop's own",public`)), names);
  assert.deepEqual(await migrateToLatest(url), names, 'a second installation beside the first');
  for (const place of [url, inSchema(url, `"shop's own"`)]) {
    assert.deepEqual(await migrateToLatest(place), []);
    const own = poolOf(t, place);
    await requireSchema(own);
    await own.query('SELECT FROM outbox');
  }
  const { rows } = await pool.query('SELECT name FROM kysely_migration ORDER BY name');
  assert.deepEqual(rows, [{ name: '0001_customers' }, { name: '0002_outbox' }]);
});

test('what an older version has applied is taken over once, also from a table that it shares', async (t) => {
  const { url } = await emptyDatabase(t);
  const names = await migrationNames();
  await migrateToLatest(url);
  const pool = poolOf(t, url);
  // As an older version would have left it.
  await pool.query(`ALTER TABLE order_events_migration RENAME TO kysely_migration;
    DROP TABLE order_events_migration_lock;
    INSERT INTO kysely_migration VALUES ('0001_customers', '2020-01-01')`);
  const results = await Promise.all([migrateToLatest(url), migrateToLatest(url)]);
  assert.deepEqual(results, [[], []]);
  await requireSchema(pool);
  const { rows } = await pool.query<{ name: string }>(
    'SELECT name FROM order_events_migration ORDER BY name',
  );
  assert.deepEqual(
    rows.map(({ name }) => name),
    names,
  );
  assert.equal((await pool.query('SELECT FROM kysely_migration')).rowCount, names.length + 1);
});

test('a schema that came to be before the one of the tables does not get tables of its own', async (t) => {
  const { url } = await emptyDatabase(t);
  await migrateToLatest(url);
  await poolOf(t, url).query('CREATE SCHEMA AUTHORIZATION CURRENT_USER');
  assert.deepEqual(await migrateToLatest(url), []);
  await requireSchema(poolOf(t, url));
});

test('a search path without a schema is said to be that', async (t) => {
  const { url } = await emptyDatabase(t);
  await assert.rejects(migrateToLatest(inSchema(url, 'nowhere')), /names no schema that exists: create it/);
});

test('a migration may take longer than the database gives a transaction', async (t) => {
  const { url } = await emptyDatabase(t);
  const { schema, settings } = await findMigrationPlace(url, []);
  const { rows } = await poolOf(t, url).query<{ limit: string | null }>(
    `SELECT current_setting('transaction_timeout', true) AS limit`,
  );
  // Servers before 17 have no such limit, and would refuse the setting.
  const expected = rows[0]?.limit === null ? undefined : '0';
  assert.deepEqual(
    [schema, settings.find(({ name }) => name === 'transaction_timeout')?.value],
    ['public', expected],
  );
});

test('a database that gives its sessions no time is migrated, also by two at once', async (t) => {
  const { url } = await emptyDatabase(t);
  const name = new URL(url).pathname.slice(1);
  for (const limit of ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']) {
    await poolOf(t, url).query(`ALTER DATABASE ${name} SET ${limit} = 1`);
  }
  const results = await Promise.all([migrateToLatest(url), migrateToLatest(url)]);
  assert.deepEqual(results.flat(), await migrationNames());
});

test('the job says what it did, and by its exit code whether a restart may help', async (t) => {
  const { url } = await emptyDatabase(t);
  const names = (await migrationNames()).join(', ');
  assert.deepEqual(await migrateJob({ DATABASE_URL: url }), { code: 0, said: `applied ${names}` });
  assert.deepEqual(await migrateJob({ DATABASE_URL: url }), { code: 0, said: 'the schema is current' });
  const misconfigured = await migrateJob({ DATABASE_URL: 'postgres:nonsense', MIGRATE_WAIT_MS: '-1' });
  assert.equal(misconfigured.code, 78);
  const nobody = await migrateJob({
    DATABASE_URL: 'postgres://orders@127.0.0.1:1/orders',
    MIGRATE_WAIT_MS: '0',
  });
  assert.equal(nobody.code, 1);
  assert.match(nobody.said, /did not answer within 0 ms \(connect ECONNREFUSED/);
});

test('the job waits for a server that is still starting', async (t) => {
  const server = await startPostgres(t);
  await server.stop();
  const job = migrateJob({ DATABASE_URL: server.url });
  await server.restart();
  assert.equal((await job).code, 0);
});

test('the outbox takes what Kafka takes, and numbers it by transaction and sequence', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = poolOf(t, url);
  const insert = (payload: string) =>
    pool.query<{ seq: bigint; own: boolean }>(
      `INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
       VALUES ('k', 1, gen_random_uuid(), 'order.created', $1) RETURNING seq, xid = pg_current_xact_id() AS own`,
      [payload],
    );
  const [first, second] = [(await insert('{}')).rows[0]!, (await insert('x'.repeat(900_000))).rows[0]!];
  assert.deepEqual([first.own, second.own], [true, true]);
  assert.equal(second.seq, first.seq + 1n);
  // Two bytes each: the limit is in bytes, as Kafka's is.
  await assert.rejects(insert('é'.repeat(450_001)), { code: '23514' });
});

test('an index is built ahead while orders are written, also one that was left unfinished', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 3, lock_timeout: 2_000 });
  t.after(() => pool.end());
  const name = '0011_orders_by_customer_and_status';
  const insert = `INSERT INTO orders VALUES (gen_random_uuid(), 'c', 'pending', 1, 'EUR', '[]', 0, now(), now())`;
  await pool.query(`UPDATE pg_index SET indisvalid = false
    WHERE indexrelid = 'orders_by_customer_and_status'::regclass`);
  const writer = await pool.connect();
  await writer.query('BEGIN');
  await writer.query(insert);
  const building = Promise.all(
    [poolOf(t, url), poolOf(t, url)].map((each) => buildIndexesAhead(each, [name])),
  );
  const isBuilding = async () => {
    const { rowCount } = await pool.query(`SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
      AND query ~ '^(CREATE|DROP) INDEX' AND wait_event_type = 'Lock'`);
    assert.equal(rowCount, 1);
  };
  await eventually(isBuilding);
  await pool.query(insert);
  await writer.query('COMMIT');
  writer.release();
  await building;
  const { rows } = await pool.query<{ valid: boolean }>(
    `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = 'orders_by_customer_and_status'::regclass`,
  );
  assert.deepEqual(rows, [{ valid: true }]);
});
