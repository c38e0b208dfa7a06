import { setTimeout as pause } from 'node:timers/promises';
import type { ClientBase, Pool } from 'pg';
import { migrationText } from './migration-files.ts';

const STATEMENT = /^CREATE INDEX IF NOT EXISTS (\w+) ON (\w+) [^;]*;/gm;

/** Any number that nothing else locks in this database. */
const BUILD_LOCK = 7_361_006;
const LOCK_LOOK_MS = 200;

/**
 * Builds the indexes that the named migrations make with IF NOT EXISTS on tables that exist: a migration is a transaction, in which an
 * index locks out who writes for as long as it is built, and outside of one it does not. The migration then finds it there.
 */
export async function buildIndexesAhead(pool: Pool, names: readonly string[]): Promise<void> {
  const texts = await Promise.all(names.map(migrationText));
  const statements = texts.flatMap((text) => [...text.matchAll(STATEMENT)]);
  if (statements.length === 0) return;
  const client = await pool.connect();
  try {
    await lock(client);
    // It waits for whoever writes, and nobody waits for it.
    await client.query('SET lock_timeout = 0');
    for (const [statement, index = '', table = ''] of statements) {
      if (await exists(client, table)) await build(client, index, statement);
    }
  } finally {
    // Ending the session gives its lock back, whatever state it is in.
    client.release(true);
  }
}

/** Looks rather than waits: the one who builds an index would wait for the snapshot of the one who waits for the lock. */
async function lock(client: ClientBase): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [
      BUILD_LOCK,
    ]);
    if (rows[0]?.taken) return;
    await pause(LOCK_LOOK_MS);
  }
}

async function exists(client: ClientBase, table: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [
    table,
  ]);
  return rows[0]?.found ?? false;
}

async function build(client: ClientBase, index: string, statement: string): Promise<void> {
  const { rows } = await client.query<{ valid: boolean }>(
    'SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)',
    [index],
  );
  // What a builder that was interrupted has left is kept up with every write, and used for nothing.
  if (rows[0]?.valid === false) await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${index}`);
  await client.query(statement.replace('CREATE INDEX', 'CREATE INDEX CONCURRENTLY'));
}
