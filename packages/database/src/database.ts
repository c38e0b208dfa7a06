import { Kysely, PostgresDialect, type Transaction as KyselyTransaction } from 'kysely';
import type { Pool } from 'pg';
import { createQueryPool } from './query-pool.ts';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;
export type Transaction = KyselyTransaction<Tables>;

/** The database of `make start` and of the Compose file; refused in production. */
export const DEVELOPMENT_DATABASE_URL = 'postgres://orders:orders@127.0.0.1:5432/orders';

export interface DatabaseOptions {
  /**
   * No pooler in transaction mode is in between, which would lend a session for one transaction. Then inserts are prepared once per
   * session, and a transaction begins with its first statement instead of a round trip before it. Default false.
   */
  readonly ownSessions?: boolean;
}

/** Typed queries on a pool; whoever made the pool ends it. */
export function createDatabase(pool: Pool, { ownSessions = false }: DatabaseOptions = {}): Database {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: createQueryPool(pool, ownSessions) }),
  });
}
