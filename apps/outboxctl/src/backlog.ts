import type { Database } from '@order-events/database';
import { sql } from 'kysely';
import type { PartitionState } from './partition-store.ts';

export interface PartitionBacklog {
  readonly pending: number;
  readonly oldestAgeSeconds: number;
}

/** Counting stops here: an exact count of a huge backlog is not worth reading all of it. */
export const COUNT_LIMIT = 1_000_000;

/**
 * What is committed and beyond each partition's stored cursor, by partition; a relay that works stores it once a second. Of each set
 * of equal cursors at most COUNT_LIMIT events are counted.
 */
export async function measureBacklog(
  database: Database,
  partitions: readonly PartitionState[],
): Promise<Map<number, PartitionBacklog>> {
  const backlog = new Map<number, PartitionBacklog>();
  const groups = Map.groupBy(partitions, ({ cursor, page }) => `${cursor}/${page?.target}/${page?.afterSeq}`);
  for (const members of groups.values()) {
    const [first] = members;
    if (!first) continue;
    for (const row of await measureGroup(database, first, partitions.length, members)) {
      backlog.set(row.partition, { pending: row.pending, oldestAgeSeconds: row.age });
    }
  }
  return backlog;
}

async function measureGroup(
  database: Database,
  { cursor, page }: PartitionState,
  partitionCount: number,
  members: readonly PartitionState[],
): Promise<{ partition: number; pending: number; age: number }[]> {
  const { rows } = await sql<{ partition: number; pending: number; age: number }>`
    WITH beyond AS MATERIALIZED (
      (SELECT seq, xid, key_hash, created_at FROM outbox
       WHERE xid >= pg_snapshot_xmax(${cursor}::pg_snapshot) ORDER BY xid LIMIT ${COUNT_LIMIT})
      UNION ALL
      (SELECT seq, xid, key_hash, created_at FROM outbox
       WHERE xid = ANY(ARRAY(SELECT pg_snapshot_xip(${cursor}::pg_snapshot))) LIMIT ${COUNT_LIMIT}))
    SELECT key_hash % ${partitionCount}::int AS partition, count(*)::int AS pending,
      greatest(0, extract(epoch FROM clock_timestamp() - min(created_at)))::float8 AS age
    FROM beyond
    WHERE key_hash % ${partitionCount}::int = ANY(${members.map(({ partition }) => partition)}::int[])
      AND NOT coalesce(seq <= ${page?.afterSeq ?? null}::bigint
                       AND pg_visible_in_snapshot(xid, ${page?.target ?? null}::pg_snapshot), false)
    GROUP BY 1`.execute(database);
  return rows;
}
