import { setTimeout as pause } from 'node:timers/promises';
import type { ClientBase, Pool } from 'pg';
import { isConnectionLost } from './database-away.ts';
import type { Database, Transaction } from './database.ts';

const ATTEMPTS = 5;
const BASE_DELAY_MS = 10;

/** Serialization failure and deadlock: Postgres has rolled back, and the same work may well succeed now. */
const RETRYABLE_SQLSTATES = new Set(['40001', '40P01']);

/**
 * Runs `work` in a transaction, committed when it resolves and rolled back when it rejects. It is run again when Postgres ended it
 * for another transaction's sake, and once when its connection was lost before the commit was asked for; so it must do nothing but
 * database work. A commit whose answer is lost is not run again.
 */
export function inTransaction<T>(
  database: Database,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  let isCommitAskedFor = false;
  const run = () => {
    isCommitAskedFor = false;
    // What waits for a row goes on with what it finds then, whatever the default of the session is.
    const transaction = database.transaction().setIsolationLevel('read committed');
    return transaction.execute(async (begun) => {
      const answer = await work(begun);
      isCommitAskedFor = true;
      return answer;
    });
  };
  return repeated(run, () => !isCommitAskedFor);
}

/** The same for statements as text, on one connection of the pool. */
export function inPoolTransaction<T>(pool: Pool, work: (client: ClientBase) => Promise<T>): Promise<T> {
  let isCommitAskedFor = false;
  const run = async () => {
    isCommitAskedFor = false;
    const client = await pool.connect();
    let isUsable = false;
    try {
      await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
      const answer = await work(client);
      isCommitAskedFor = true;
      await client.query('COMMIT');
      isUsable = true;
      return answer;
    } catch (error) {
      // Where it fails, the transaction ends with its connection.
      isUsable = await client.query('ROLLBACK').then(
        () => true,
        () => false,
      );
      throw error;
    } finally {
      client.release(!isUsable);
    }
  };
  return repeated(run, () => !isCommitAskedFor);
}

/** Runs a statement that changes nothing; again when its connection turns out to be lost, or Postgres ended it for another's sake. */
export function readAgain<T>(read: () => Promise<T>): Promise<T> {
  return repeated(read, () => true);
}

async function repeated<T>(run: () => Promise<T>, isSurelyNotCommitted: () => boolean): Promise<T> {
  let connectionsLost = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (isConnectionLost(error) && isSurelyNotCommitted() && connectionsLost++ === 0) continue;
      if (attempt >= ATTEMPTS || !isRetryable(error)) throw error;
      // Random, so that the two that met do not meet again.
      await pause(Math.random() * BASE_DELAY_MS * 2 ** attempt);
    }
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && RETRYABLE_SQLSTATES.has(String(error.code));
}
