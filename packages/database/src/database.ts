import { Kysely, PostgresDialect, type Transaction as KyselyTransaction } from 'kysely';
import type { Pool } from 'pg';
import { preparingInserts } from './prepared-inserts.ts';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;
export type Transaction = KyselyTransaction<Tables>;

/** The database of `make start` and of the Compose file; refused in production. */
export const DEVELOPMENT_DATABASE_URL = 'postgres://orders:orders@127.0.0.1:5432/orders';

export interface DatabaseOptions {
  /** Prepared once per session, which a pooler in transaction mode does not keep. Default false. */
  readonly prepareInserts?: boolean;
}

/** Typed queries on a pool; whoever made the pool ends it. */
export function createDatabase(pool: Pool, { prepareInserts = false }: DatabaseOptions = {}): Database {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: prepareInserts ? preparingInserts(pool) : pool }),
  });
}
