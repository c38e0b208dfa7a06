import { setTimeout as pause } from 'node:timers/promises';
import type { Database, Transaction } from './database.ts';

const ATTEMPTS = 5;
const BASE_DELAY_MS = 10;

/** Serialization failure and deadlock: Postgres has rolled back, and the same work may well succeed now. */
const RETRYABLE_SQLSTATES = new Set(['40001', '40P01']);

/**
 * Runs `work` in a transaction, committed when it resolves and rolled back when it rejects. It is run again when Postgres ended it
 * for another transaction's sake, so it must do nothing but database work. A commit whose answer is lost is not run again.
 */
export async function inTransaction<T>(
  database: Database,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await database.transaction().execute(work);
    } catch (error) {
      if (attempt === ATTEMPTS || !isRetryable(error)) throw error;
      // Random, so that the two that met do not meet again.
      await pause(Math.random() * BASE_DELAY_MS * 2 ** attempt);
    }
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && RETRYABLE_SQLSTATES.has(String(error.code));
}
