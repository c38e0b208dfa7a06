import type { Pool } from 'pg';
import { migrationNames } from './migration-files.ts';
import { MIGRATION_TABLE } from './migration-table.ts';
import { requireServerVersion } from './server-version.ts';

/** The database lacks migrations that this program needs. */
export class OutdatedSchemaError extends Error {
  override readonly name = 'OutdatedSchemaError';

  constructor(missing: readonly string[]) {
    super(`the database schema is too old: ${missing.join(', ')} not applied; run the migrate job first`);
  }
}

/**
 * Throws UnsupportedServerError when the server is too old, and OutdatedSchemaError when a migration that this program knows is not
 * applied. A newer server or schema is fine.
 */
export async function requireSchema(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ version: string }>(
    `SELECT current_setting('server_version_num') AS version`,
  );
  requireServerVersion(Number(rows[0]?.version));
  const missing = await missingMigrations(pool);
  if (missing.length > 0) throw new OutdatedSchemaError(missing);
}

/** For readiness: whether the schema is new enough. Rejects when the database does not answer. */
export async function isSchemaCurrent(pool: Pool): Promise<boolean> {
  return (await missingMigrations(pool)).length === 0;
}

/** Names of the migrations that are not applied. */
export async function missingMigrations(pool: Pool): Promise<string[]> {
  const applied = await appliedMigrations(pool);
  return (await migrationNames()).filter((name) => !applied.has(name));
}

async function appliedMigrations(pool: Pool): Promise<Set<string>> {
  const { rows: tables } = await pool.query<{ found: string | null }>(
    'SELECT to_regclass($1)::text AS found',
    [MIGRATION_TABLE],
  );
  if (!tables[0]?.found) return new Set();
  const { rows } = await pool.query<{ name: string }>(`SELECT name FROM ${MIGRATION_TABLE}`);
  return new Set(rows.map((row) => row.name));
}
