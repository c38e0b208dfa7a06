import pg from 'pg';
import { requireServerVersion } from './server-version.ts';
import { type SessionSetting, sessionConfig } from './session-settings.ts';
import { adviseOnTrust } from './untrusted-database.ts';

/** Kysely's own names are those of every program that uses it, and it finds them in any schema. */
export const MIGRATION_TABLE = 'order_events_migration';
export const MIGRATION_LOCK_TABLE = 'order_events_migration_lock';
/** Where older versions of this program kept the names of their migrations. */
const FORMER_TABLE = 'kysely_migration';

/** Any number that nothing else locks in this database. */
const TAKE_OVER_LOCK = 7_361_005;
const CONNECT_TIMEOUT_MS = 5_000;
/** Whatever the database gives a session: another migrator may be waited for. */
const LIMITS: readonly SessionSetting[] = [
  { name: 'statement_timeout', value: '60s' },
  { name: 'lock_timeout', value: '60s' },
  { name: 'idle_in_transaction_session_timeout', value: '60s' },
];
const TRANSACTION_TIMEOUT_SINCE = 170_000;

export interface MigrationPlace {
  readonly schema: string;
  /** For the session that migrates. */
  readonly settings: readonly SessionSetting[];
}

/**
 * Finds the schema in which the migrations belong: where they are by now, and at first the first one of the search path. Takes over what
 * an older version has recorded of `names` under Kysely's name; that table stays as it is, as instances of that version may look at it.
 */
export async function findMigrationPlace(url: string, names: readonly string[]): Promise<MigrationPlace> {
  const client = new pg.Client({
    ...sessionConfig(url, LIMITS),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // The statement in flight rejects by itself.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [TAKE_OVER_LOCK]);
    const place = await lookFor(client);
    if (place.isToBeTakenOver) await takeOver(client, place.schema, names);
    await client.query('COMMIT');
    return { schema: place.schema, settings: settingsFor(place) };
  } catch (error) {
    throw adviseOnTrust(error);
  } finally {
    await client.end();
  }
}

interface FoundPlace {
  readonly schema: string;
  /** An older version's record is there, and none of this one. */
  readonly isToBeTakenOver: boolean;
  readonly serverVersion: number;
}

async function lookFor(client: pg.Client): Promise<FoundPlace> {
  const { rows } = await client.query<{
    migrated: string | null;
    former_schema: string | null;
    current: string | null;
    version: string;
  }>(
    // Another program's table of the same name has no sequence of ours beside it, or cannot be read.
    `SELECT (${SCHEMA_OF} pg_class.oid = to_regclass($1)) AS migrated,
       former.schema AS former_schema, current_schema() AS current,
       current_setting('server_version_num') AS version
     FROM (VALUES (1)) AS always LEFT JOIN (
       SELECT nspname AS schema FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
       WHERE pg_class.oid = to_regclass($2) AND has_table_privilege(pg_class.oid, 'SELECT')
         AND to_regclass(format('%I.outbox_seq', nspname)) IS NOT NULL) AS former ON true`,
    [MIGRATION_TABLE, FORMER_TABLE],
  );
  const [found] = rows;
  if (found) requireServerVersion(Number(found.version));
  const schema = found?.migrated ?? found?.former_schema ?? found?.current;
  if (!found || !schema) {
    throw new Error(
      'the search path names no schema that exists: create it, or name another one (docs/connections.md)',
    );
  }
  const isToBeTakenOver = found.migrated === null && found.former_schema !== null;
  return { schema, isToBeTakenOver, serverVersion: Number(found.version) };
}

const SCHEMA_OF = 'SELECT nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE';

async function takeOver(client: pg.Client, schema: string, names: readonly string[]): Promise<void> {
  await client.query(`SELECT set_config('search_path', quote_ident($1), true)`, [schema]);
  // As Kysely makes it.
  await client.query(
    'CREATE TABLE order_events_migration (name varchar(255) PRIMARY KEY, timestamp varchar(255) NOT NULL)',
  );
  await client.query(
    'INSERT INTO order_events_migration SELECT name, timestamp FROM kysely_migration WHERE name = ANY($1)',
    [names],
  );
}

function settingsFor({ schema, serverVersion }: FoundPlace): SessionSetting[] {
  const searchPath = { name: 'search_path', value: pg.escapeIdentifier(schema) };
  // A migration may take as long as its statements do.
  const noTimeout = { name: 'transaction_timeout', value: '0' };
  return serverVersion >= TRANSACTION_TIMEOUT_SINCE ? [searchPath, noTimeout] : [searchPath];
}
