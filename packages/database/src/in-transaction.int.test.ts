import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CompiledQuery } from 'kysely';
import type { ClientBase } from 'pg';
import { createTestDatabase } from '../../../test/harness/index.ts';
import { createDatabase } from './database.ts';
import { inPoolTransaction, inTransaction } from './in-transaction.ts';
import { createPool } from './pool.ts';

async function setup(t: TestContext, way: Way) {
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
  const built =
    (ownSessions: boolean): InTransaction =>
    (work) =>
      inTransaction(createDatabase(pool, { ownSessions }), (transaction) =>
        work((text) => transaction.executeQuery(CompiledQuery.raw(text))),
      );
  const ways: Record<Way, InTransaction> = {
    'of the query builder': built(false),
    'of the query builder, begun with its first statement': built(true),
    'of the pool': (work) =>
      inPoolTransaction(pool, (client: ClientBase) => work((text) => client.query(text))),
  };
  return { inWay: ways[way], balances, pool };
}

const WAYS = [
  'of the query builder',
  'of the query builder, begun with its first statement',
  'of the pool',
] as const;
type Way = (typeof WAYS)[number];
type Run = (statement: string) => Promise<unknown>;
type InTransaction = <T>(work: (run: Run) => Promise<T>) => Promise<T>;

const add = (run: Run, id: number) => run(`UPDATE account SET balance = balance + 1 WHERE id = ${id}`);
const fail = (run: Run, sqlState: string) => run(`DO $$ BEGIN RAISE SQLSTATE '${sqlState}'; END $$`);

for (const way of WAYS) {
  test(`work is committed when it resolves and rolled back when it rejects: ${way}`, async (t) => {
    const { inWay, balances } = await setup(t, way);
    const answer = await inWay(async (run) => {
      await add(run, 1);
      return 'done';
    });
    assert.equal(answer, 'done');
    await assert.rejects(
      inWay(async (run) => {
        await add(run, 1);
        throw new Error('changed my mind');
      }),
      /changed my mind/,
    );
    assert.deepEqual(await balances(), [1n, 0n]);
  });

  test(`of two transactions in a deadlock, what Postgres ends is run again: ${way}`, async (t) => {
    const { inWay, balances } = await setup(t, way);
    const bothHoldOne = Promise.withResolvers<void>();
    let holding = 0;
    const transfer = (first: number, second: number) =>
      inWay(async (run) => {
        await add(run, first);
        if (++holding === 2) bothHoldOne.resolve();
        await bothHoldOne.promise;
        await add(run, second);
      });
    await Promise.all([transfer(1, 2), transfer(2, 1)]);
    // Of both, when both look for the deadlock at the same moment.
    assert.ok(holding > 2, 'at least one of them ran twice');
    assert.deepEqual(await balances(), [2n, 2n]);
  });

  test(`a conflict that does not end is given up, and no other error is tried again: ${way}`, async (t) => {
    const { inWay, balances } = await setup(t, way);
    for (const [sqlState, expected] of [
      ['40001', 5],
      ['23505', 1],
    ] as const) {
      let runs = 0;
      const work = async (run: Run) => {
        runs += 1;
        await add(run, 1);
        await fail(run, sqlState);
      };
      await assert.rejects(inWay(work), { code: sqlState });
      assert.equal(runs, expected, sqlState);
    }
    assert.deepEqual(await balances(), [0n, 0n]);
  });
}

test('a statement outside of transactions finds the connection of a failed one in order', async (t) => {
  const { inWay, balances, pool } = await setup(t, 'of the pool');
  for (let times = 0; times < 5; times++) {
    await assert.rejects(
      inWay(async (run) => {
        await add(run, 1);
        await run('SELECT 1 / 0');
      }),
      { code: '22012' },
    );
  }
  assert.deepEqual(await balances(), [0n, 0n]);
  assert.equal(pool.totalCount, 1);
});
