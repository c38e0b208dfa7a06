import type { Queries } from '../queries.ts';
import {
  type Mismatch,
  type PresentTopic,
  databaseMismatches,
  type StoredIdentity,
  topicMismatches,
  UNKNOWN_SYSTEM,
} from './identity-mismatch.ts';

export interface IdentityOptions extends PresentTopic {
  readonly pool: Queries;
  /** Kafka's id of the topic. */
  readonly topicId: string;
}

/**
 * - `ok`: the cursors belong to this database server and to this topic, or were the first to.
 * - `recreated`: as `ok`, but the topic was created anew under its name; told once, since the new id is stored.
 * - `mismatch`: publishing would skip or misplace events.
 */
export type IdentityVerdict =
  | { readonly kind: 'ok' }
  | { readonly kind: 'recreated'; readonly what: string; readonly mend: string }
  | { readonly kind: 'mismatch'; readonly mismatch: Mismatch };

const INSUFFICIENT_PRIVILEGE = '42501';
/** SQL: the oid of this database. */
export const PRESENT_DATABASE = '(SELECT oid FROM pg_database WHERE datname = current_database())';
/**
 * SQL: name of the database that the cursors were made in, when that is another one of this server; null when it is this one, unknown,
 * or gone: what was restored in its place goes on from the cursors that it has.
 */
const ORIGINAL_DATABASE =
  '(SELECT datname::text FROM pg_database WHERE oid = database_oid AND datname <> current_database())';

/**
 * Compares the database server and the topic with those that the stored cursors are about, and stores them the first time. To be asked
 * at the start and every few seconds: a database can be restored under a running relay. Rejects when the database is away.
 */
export async function checkIdentity(options: IdentityOptions): Promise<IdentityVerdict> {
  const { pool, clusterId, topicId } = options;
  const systemIdentifier = await readSystemIdentifier(pool);
  const stored = await storeFirst(options, systemIdentifier);
  if (!stored) return { kind: 'ok' };
  const [mismatch] = [...databaseMismatches(stored, systemIdentifier), ...topicMismatches(stored, options)];
  if (mismatch) return { kind: 'mismatch', mismatch };
  if (!stored.knowsDatabase) await pool.query(`UPDATE relay_identity SET database_oid = ${PRESENT_DATABASE}`);
  if (stored.clusterId === undefined) {
    await pool.query(
      'UPDATE relay_identity SET cluster_id = $1, updated_at = clock_timestamp() WHERE cluster_id IS NULL',
      [clusterId],
    );
  }
  if (stored.systemIdentifier === UNKNOWN_SYSTEM && systemIdentifier !== UNKNOWN_SYSTEM) {
    await pool.query(
      'UPDATE relay_identity SET system_identifier = $1, updated_at = clock_timestamp() WHERE system_identifier = $2',
      [systemIdentifier, UNKNOWN_SYSTEM],
    );
  }
  return stored.topicId === topicId ? { kind: 'ok' } : acceptTopic(pool, stored.topicId, topicId);
}

/** Undefined until a relay has found the topic. */
export async function readIdentity(queries: Queries): Promise<StoredIdentity | undefined> {
  const { rows } = await queries.query<{
    system_identifier: string;
    cluster_id: string | null;
    topic: string;
    topic_id: string;
    partition_count: number;
    original_database: string | null;
    knows_database: boolean;
  }>(
    `SELECT system_identifier, cluster_id, topic, topic_id, partition_count, ${ORIGINAL_DATABASE} AS original_database,
       database_oid IS NOT DISTINCT FROM ${PRESENT_DATABASE} AS knows_database
     FROM relay_identity`,
  );
  const [row] = rows;
  return (
    row && {
      systemIdentifier: row.system_identifier,
      clusterId: row.cluster_id ?? undefined,
      topic: row.topic,
      topicId: row.topic_id,
      partitionCount: row.partition_count,
      originalDatabase: row.original_database ?? undefined,
      knowsDatabase: row.knows_database,
    }
  );
}

/** Answers with what was stored before; undefined when this is the first time. */
async function storeFirst(
  options: IdentityOptions,
  systemIdentifier: string,
): Promise<StoredIdentity | undefined> {
  const { pool, topic, clusterId, topicId, partitionCount } = options;
  const stored = await readIdentity(pool);
  if (stored) return stored;
  const { rowCount } = await pool.query(
    `INSERT INTO relay_identity (system_identifier, cluster_id, topic, topic_id, partition_count, database_oid)
     VALUES ($1, $2, $3, $4, $5, ${PRESENT_DATABASE}) ON CONFLICT (singleton) DO NOTHING`,
    [systemIdentifier, clusterId, topic, topicId, partitionCount],
  );
  // Of two relays that start together with different settings, the second finds what the first stored.
  return rowCount ? undefined : readIdentity(pool);
}

/** Only one of the relays that notice it tells it. */
async function acceptTopic(pool: Queries, storedId: string, topicId: string): Promise<IdentityVerdict> {
  const { rowCount } = await pool.query(
    'UPDATE relay_identity SET topic_id = $1, updated_at = clock_timestamp() WHERE topic_id = $2',
    [topicId, storedId],
  );
  if (!rowCount) return { kind: 'ok' };
  return {
    kind: 'recreated',
    what: 'the topic was deleted and created again: it holds nothing that was published before',
    mend: 'it is published again as far back as former checkpoints reach, and who takes a partition over says whether that is all',
  };
}

/**
 * Identifies the data directory that this server, or the one it was copied from, was initialised with. Anybody may ask for it unless the
 * right was revoked, and some compatible databases do not have it. Without it a restored database is still noticed by its cursors, until
 * it has given away as many transaction ids as the lost one.
 */
export async function readSystemIdentifier(queries: Queries): Promise<string> {
  try {
    const { rows } = await queries.query<{ id: string }>(
      'SELECT system_identifier::text AS id FROM pg_control_system()',
    );
    return rows[0]?.id ?? UNKNOWN_SYSTEM;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === INSUFFICIENT_PRIVILEGE) {
      return UNKNOWN_SYSTEM;
    }
    throw error;
  }
}
