import { createBackoff, sleep } from '@order-events/runtime';
import type { Pool, PoolClient } from 'pg';

/** New tables go where the outbox is, which need not be the first schema of the search path. */
const IN_SCHEMA_OF_OUTBOX = `SELECT set_config('search_path', quote_ident(nspname), true)
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = 'outbox'::regclass`;
/** Any number that nothing else locks in this database. */
const JANITOR_LOCK = 7_361_004;
/** Whoever waits for a lock makes everybody wait that comes after, so writers wait no longer than this. */
const LOCK_TIMEOUT_MS = 80;
const ATTEMPTS = 6;
/** A lock was not to be had in time; two waited for each other. */
const LOCK_SQLSTATES = new Set(['55P03', '40P01']);

/**
 * - `done`: `work` was committed.
 * - `locked`: somebody held a lock all the time: a dump, an open transaction.
 * - `elsewhere`: another janitor is at work.
 */
export type LockOutcome<T> =
  { readonly kind: 'done'; readonly value: T } | { readonly kind: 'locked' } | { readonly kind: 'elsewhere' };

/**
 * Runs `work` in a transaction that waits only shortly for each lock, and tries again a few times with growing pauses. One at a time in
 * the whole database; the lock for that ends with the transaction, so it is safe behind any pooler and leaves nothing behind.
 */
export async function withShortLocks<T>(
  pool: Pool,
  signal: AbortSignal,
  work: (client: PoolClient) => Promise<T>,
): Promise<LockOutcome<T>> {
  const backoff = createBackoff({ baseMs: 50, maxMs: 1000 });
  for (let attempt = 1; attempt <= ATTEMPTS && !signal.aborted; attempt++) {
    try {
      return await runOnce(pool, work);
    } catch (error) {
      if (!isLockFailure(error)) throw error;
      if (attempt < ATTEMPTS) await sleep(backoff.nextDelayMs(), signal);
    }
  }
  return { kind: 'locked' };
}

async function runOnce<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<LockOutcome<T>> {
  const client = await pool.connect();
  let broken = true;
  try {
    await client.query('BEGIN');
    await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT_MS}ms'`);
    await client.query(IN_SCHEMA_OF_OUTBOX);
    const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS mine', [
      JANITOR_LOCK,
    ]);
    if (!rows[0]?.mine) {
      await client.query('ROLLBACK');
      broken = false;
      return { kind: 'elsewhere' };
    }
    try {
      const value = await work(client);
      await client.query('COMMIT');
      broken = false;
      return { kind: 'done', value };
    } catch (error) {
      await client.query('ROLLBACK');
      broken = false;
      throw error;
    }
  } finally {
    client.release(broken);
  }
}

function isLockFailure(error: unknown): boolean {
  return error instanceof Error && 'code' in error && LOCK_SQLSTATES.has(String(error.code));
}
