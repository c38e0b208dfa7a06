import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { Migration, MigrationProvider } from 'kysely/migration';

const MIGRATIONS = join(import.meta.dirname, '..', '..', '..', 'migrations');
const FILE_NAME = /^(\d{4}_\w+)\.sql$/;

/** Names of the migrations in the repository, in order. */
export async function migrationNames(): Promise<string[]> {
  const files = await readdir(MIGRATIONS);
  return files.flatMap((file) => FILE_NAME.exec(file)?.[1] ?? []).sort();
}

export function migrationText(name: string): Promise<string> {
  return readFile(join(MIGRATIONS, `${name}.sql`), 'utf8');
}

/** Reads `migrations/NNNN_name.sql`: plain SQL, forward only. */
export const sqlFiles: MigrationProvider = {
  async getMigrations() {
    const migrations: Record<string, Migration> = {};
    for (const name of await migrationNames()) {
      const text = await migrationText(name);
      migrations[name] = {
        async up(database) {
          await sql.raw(text).execute(database);
        },
      };
    }
    return migrations;
  },
};
