import type { Database, Transaction } from '@order-events/database';
import { sql } from 'kysely';

/** The database server and the topic that the cursors belong to, as the first relay wrote them down. */
export interface StoredIdentity {
  readonly system_identifier: string;
  readonly topic: string;
  readonly topic_id: string;
  readonly partition_count: number;
}

export interface RelayInstance {
  readonly id: string;
  readonly heartbeat_age_seconds: number;
}

export async function readIdentity(database: Database | Transaction): Promise<StoredIdentity | undefined> {
  const { rows } = await sql<StoredIdentity>`
    SELECT system_identifier, topic, topic_id, partition_count FROM relay_identity`.execute(database);
  return rows[0];
}

/** What a server that does not tell its identifier is stored as; it is then left out of the comparison. */
export const UNKNOWN_SYSTEM = 'unknown';
const INSUFFICIENT_PRIVILEGE = '42501';

/** Identifies the data directory that this server, or the one it was copied from, was initialised with. */
export async function readSystemIdentifier(database: Database): Promise<string> {
  try {
    const { rows } = await sql<{ id: string }>`
      SELECT system_identifier::text AS id FROM pg_control_system()`.execute(database);
    return rows[0]?.id ?? UNKNOWN_SYSTEM;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === INSUFFICIENT_PRIVILEGE)
      return UNKNOWN_SYSTEM;
    throw error;
  }
}

/** Partitions whose cursor has seen transactions that this database has not given away yet. */
export async function partitionsAheadOfDatabase(database: Database): Promise<number[]> {
  const { rows } = await sql<{ partition: number }>`
    SELECT partition FROM relay_partition
    WHERE pg_snapshot_xmax(cursor) > pg_snapshot_xmax(pg_current_snapshot())
       OR pg_snapshot_xmax(page_target) > pg_snapshot_xmax(pg_current_snapshot())
    ORDER BY partition`.execute(database);
  return rows.map(({ partition }) => partition);
}

/** Relays that gave a sign of life within `leaseMs`. */
export async function listLiveRelays(database: Database, leaseMs: number): Promise<RelayInstance[]> {
  const { rows } = await sql<RelayInstance>`
    SELECT id, greatest(0, extract(epoch FROM clock_timestamp() - heartbeat_at))::float8 AS heartbeat_age_seconds
    FROM relay_instance WHERE heartbeat_at > clock_timestamp() - ${leaseMs}::int * interval '1 millisecond'
    UNION
    SELECT owner, 0 FROM relay_partition
    WHERE lease_until >= clock_timestamp() AND owner NOT IN (SELECT id FROM relay_instance)
    ORDER BY id`.execute(database);
  return rows;
}
