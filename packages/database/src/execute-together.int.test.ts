import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CompiledQuery, sql } from 'kysely';
import pg from 'pg';
import { createTestDatabase, eventually } from '../../../test/harness/index.ts';
import { createDatabase, type Transaction } from './database.ts';
import { executeTogether } from './execute-together.ts';
import { inTransaction } from './in-transaction.ts';
import { createPool } from './pool.ts';
import { sendTogether } from './statement-batch.ts';

async function setup(t: TestContext, ownSessions: boolean) {
  const { url } = await createTestDatabase(t);
  const pool = createPool({
    url,
    applicationName: 'test',
    maxConnections: 1,
    throughPooler: !ownSessions,
    onConnectionError: () => {},
  });
  t.after(() => pool.end());
  await pool.query('CREATE TABLE note (id int PRIMARY KEY)');
  return {
    url,
    database: createDatabase(pool, { ownSessions }),
    notes: async () =>
      (await pool.query<{ id: number }>('SELECT id FROM note ORDER BY id')).rows.map(({ id }) => id),
  };
}

const note = (id: number) => CompiledQuery.raw('insert into note values ($1)', [id]);
const count = (transaction: Transaction) =>
  sql<{ notes: number }>`SELECT count(*)::int AS notes FROM note`.compile(transaction);

for (const [way, ownSessions] of [
  ['in sessions of its own', true],
  ['behind a pooler', false],
] as const) {
  test(`queries that are sent together run one after another, and each has its answer: ${way}`, async (t) => {
    const { database, notes } = await setup(t, ownSessions);
    const answers = await inTransaction(database, (transaction) =>
      executeTogether(transaction, [note(1), count(transaction), note(2), count(transaction)]),
    );
    assert.deepEqual(answers, [[], [{ notes: 1 }], [], [{ notes: 2 }]]);
    assert.deepEqual(await notes(), [1, 2]);
  });

  test(`none behind one that fails is run, nothing is committed, and the session is as good as before: ${way}`, async (t) => {
    const { database, notes } = await setup(t, ownSessions);
    const refused = inTransaction(database, (transaction) =>
      executeTogether(transaction, [
        sql`SELECT 1 / 0`.compile(transaction),
        // Never prepared, although it was sent to be.
        note(1),
      ]),
    );
    await assert.rejects(refused, { code: '22012' });
    await inTransaction(database, (transaction) => executeTogether(transaction, [note(2), note(3)]));
    await assert.rejects(
      inTransaction(database, (transaction) => executeTogether(transaction, [note(4), note(3)])),
      { code: '23505' },
    );
    await inTransaction(database, (transaction) => executeTogether(transaction, [note(5)]));
    assert.deepEqual(await notes(), [2, 3, 5]);
  });
}

test('each query sees what was committed until it began, as if it had been sent alone', async (t) => {
  const { url, database } = await setup(t, true);
  const other = new pg.Client(url);
  await other.connect();
  t.after(() => other.end());
  await other.query('SELECT pg_advisory_lock(1)');
  const asked = inTransaction(database, (transaction) =>
    executeTogether(transaction, [
      count(transaction),
      sql`SELECT pg_advisory_xact_lock(1)`.compile(transaction),
      count(transaction),
    ]),
  );
  // It waits in the second one, so the first one has its answer.
  await waiting(other);
  await other.query('INSERT INTO note VALUES (1)');
  await other.query('SELECT pg_advisory_unlock(1)');
  const [first, , last] = await asked;
  assert.deepEqual([first, last], [[{ notes: 0 }], [{ notes: 1 }]]);
});

test('where the first statement fails, a BEGIN for one, the others are not run outside of a transaction', async (t) => {
  const { url, notes } = await setup(t, true);
  const client = new pg.Client(url);
  await client.connect();
  t.after(() => client.end());
  const statements = [
    { text: 'BEGIN ISOLATION LEVEL UNKNOWN', values: [] },
    { text: 'INSERT INTO note VALUES ($1)', values: [1] },
  ];
  await assert.rejects(sendTogether(client, statements), { code: '42601' });
  assert.deepEqual(await notes(), []);
});

test('an empty transaction asks the database for nothing, and a failed one leaves no transaction open', async (t) => {
  const { database, notes } = await setup(t, true);
  assert.equal(await inTransaction(database, async () => 'nothing'), 'nothing');
  await assert.rejects(
    inTransaction(database, async () => {
      throw new Error('changed its mind');
    }),
    /changed its mind/,
  );
  // Outside of a transaction it is committed at once, which another would see.
  await database.executeQuery(note(1));
  assert.deepEqual(await notes(), [1]);
});

async function waiting(client: pg.Client): Promise<void> {
  await eventually(async () => {
    const { rowCount } = await client.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`,
    );
    assert.equal(rowCount, 1);
  });
}
