import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { createTestDatabase } from '../../../test/harness/index.ts';
import { createDatabase, type Transaction } from './database.ts';
import { inTransaction } from './in-transaction.ts';
import { createPool } from './pool.ts';

async function setup(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const onConnectionError = (error: Error) => t.diagnostic(error.message);
  const pool = createPool({ url, applicationName: 'test', maxConnections: 4, onConnectionError });
  t.after(() => pool.end());
  await pool.query('CREATE TABLE account (id int PRIMARY KEY, balance int8 NOT NULL)');
  await pool.query('INSERT INTO account VALUES (1, 0), (2, 0)');
  const balances = async () => {
    const { rows } = await pool.query<{ balance: bigint }>('SELECT balance FROM account ORDER BY id');
    return rows.map((row) => row.balance);
  };
  return { database: createDatabase(pool), balances };
}

async function add(transaction: Transaction, id: number): Promise<void> {
  await sql`UPDATE account SET balance = balance + 1 WHERE id = ${id}`.execute(transaction);
}

async function fail(transaction: Transaction, sqlState: string): Promise<void> {
  await sql.raw(`DO $$ BEGIN RAISE SQLSTATE '${sqlState}'; END $$`).execute(transaction);
}

test('work is committed when it resolves and rolled back when it rejects', async (t) => {
  const { database, balances } = await setup(t);
  const answer = await inTransaction(database, async (transaction) => {
    await add(transaction, 1);
    return 'done';
  });
  assert.equal(answer, 'done');
  await assert.rejects(
    inTransaction(database, async (transaction) => {
      await add(transaction, 1);
      throw new Error('changed my mind');
    }),
    /changed my mind/,
  );
  assert.deepEqual(await balances(), [1n, 0n]);
});

test('of two transactions in a deadlock, what Postgres ends is run again', async (t) => {
  const { database, balances } = await setup(t);
  const bothHoldOne = Promise.withResolvers<void>();
  let holding = 0;
  const transfer = (first: number, second: number) =>
    inTransaction(database, async (transaction) => {
      await add(transaction, first);
      if (++holding === 2) bothHoldOne.resolve();
      await bothHoldOne.promise;
      await add(transaction, second);
    });
  await Promise.all([transfer(1, 2), transfer(2, 1)]);
  // Of both, when both look for the deadlock at the same moment.
  assert.ok(holding > 2, 'at least one of them ran twice');
  assert.deepEqual(await balances(), [2n, 2n]);
});

test('a conflict that does not end is given up, and no other error is tried again', async (t) => {
  const { database, balances } = await setup(t);
  for (const [sqlState, expected] of [
    ['40001', 5],
    ['23505', 1],
  ] as const) {
    let runs = 0;
    const work = async (transaction: Transaction) => {
      runs += 1;
      await add(transaction, 1);
      await fail(transaction, sqlState);
    };
    await assert.rejects(inTransaction(database, work), { code: sqlState });
    assert.equal(runs, expected, sqlState);
  }
  assert.deepEqual(await balances(), [0n, 0n]);
});
