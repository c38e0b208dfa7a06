import { Migrator } from 'kysely/migration';
import { createDatabase } from './database.ts';
import { buildIndexesAhead } from './indexes-ahead.ts';
import { migrationNames, sqlFiles } from './migration-files.ts';
import { findMigrationPlace, MIGRATION_LOCK_TABLE, MIGRATION_TABLE } from './migration-table.ts';
import { createPool } from './pool.ts';
import { missingMigrations } from './schema-version.ts';

/** A migration may lock and rewrite: it gets more time than a request. */
const STATEMENT_TIMEOUT_MS = 10 * 60_000;

/**
 * Brings a database to the newest schema and answers with the names of what was applied. Callers at the same time are safe: one
 * applies, the others wait for it. Throws the error of the migration that failed; then none was applied, it is one transaction.
 */
export async function migrateToLatest(url: string): Promise<string[]> {
  const { schema, settings } = await findMigrationPlace(url, await migrationNames());
  const pool = createPool({
    url,
    settings,
    applicationName: 'migrate',
    maxConnections: 2,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    // The statement in flight rejects by itself.
    onConnectionError: () => {},
  });
  try {
    await buildIndexesAhead(pool, await missingMigrations(pool));
    const migrator = new Migrator({
      db: createDatabase(pool),
      provider: sqlFiles,
      migrationTableSchema: schema,
      migrationTableName: MIGRATION_TABLE,
      migrationLockTableName: MIGRATION_LOCK_TABLE,
    });
    const { error, results } = await migrator.migrateToLatest();
    if (error) throw error instanceof Error ? error : new Error('migration failed', { cause: error });
    return (results ?? []).map((result) => result.migrationName);
  } finally {
    await pool.end();
  }
}
