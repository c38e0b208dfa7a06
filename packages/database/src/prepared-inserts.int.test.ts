import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { createTestDatabase } from '../../../test/harness/index.ts';
import { createDatabase, type Database } from './database.ts';
import { createPool } from './pool.ts';

/** One connection, so that what one statement leaves behind in the session the next one finds. */
async function databaseOf(t: TestContext, options: { ownSessions: boolean }): Promise<Database> {
  const { url } = await createTestDatabase(t);
  const pool = createPool({ url, applicationName: 'test', maxConnections: 1, onConnectionError: () => {} });
  t.after(() => pool.end());
  return createDatabase(pool, options);
}

function insertKey(database: Database, key: string): Promise<unknown> {
  const row = { key, fingerprint: 'f', response: '{}', expires_at: new Date() };
  return database.insertInto('idempotency_keys').values(row).execute();
}

async function keysOf(database: Database): Promise<string[]> {
  const rows = await database.selectFrom('idempotency_keys').selectAll().orderBy('key').execute();
  return rows.map(({ key }) => key);
}

async function preparedIn(database: Database): Promise<string[]> {
  const { rows } = await sql<{
    statement: string;
  }>`SELECT statement FROM pg_prepared_statements ORDER BY prepare_time`.execute(database);
  return rows.map(({ statement }) => statement);
}

test('inserts that answer with nothing, or columns by name, are prepared once in a session, and nothing else is', async (t) => {
  const database = await databaseOf(t, { ownSessions: true });
  for (const key of ['a', 'b']) await insertKey(database, key);
  await database
    .insertInto('idempotency_keys')
    .values({ key: 'c', fingerprint: 'f', response: '{}', expires_at: new Date() })
    .returningAll()
    .execute();
  await database
    .insertInto('idempotency_keys')
    .values({ key: 'd', fingerprint: 'f', response: '{}', expires_at: new Date() })
    .returning('key')
    .execute();
  assert.deepEqual(await keysOf(database), ['a', 'b', 'c', 'd']);
  const [insert, inserting, ...more] = await preparedIn(database);
  assert.match(insert ?? '', /^insert into "idempotency_keys" .*\(\$1, \$2, \$3, \$4\)$/);
  assert.match(inserting ?? '', / returning "key"$/);
  assert.deepEqual(more, []);
});

test('a session that is pooled elsewhere keeps no statement', async (t) => {
  const database = await databaseOf(t, { ownSessions: false });
  await insertKey(database, 'a');
  assert.deepEqual(await preparedIn(database), []);
});

test('a prepared insert outlives a rollback, a refused row and a migration of its table', async (t) => {
  const database = await databaseOf(t, { ownSessions: true });
  await assert.rejects(
    database.transaction().execute(async (transaction) => {
      await insertKey(transaction, 'rolled back');
      throw new Error('changed its mind');
    }),
    /changed its mind/,
  );
  await insertKey(database, 'a');
  await assert.rejects(insertKey(database, 'a'), /idempotency_keys_pkey/);
  assert.deepEqual(await keysOf(database), ['a']);
  await sql`ALTER TABLE idempotency_keys ADD COLUMN note text DEFAULT 'none'`.execute(database);
  await insertKey(database, 'b');
  assert.deepEqual(await keysOf(database), ['a', 'b']);
});
