import { keyHash } from '@order-events/messaging';
import type { ClientBase, Pool } from 'pg';
import type { Queries } from '../queries.ts';
import { remapParkedKeys } from '../state/parked-events.ts';
import { IS_OWNED, type PartitionState } from '../state/partitions.ts';
import { inTransactionForRelays } from '../state/relay-notification.ts';
import { unfinishedReplays } from '../state/replay-requests.ts';
import { RefusedError } from './refused-error.ts';

/** Nobody publishes, nobody may begin to, and no window is half done. */
export function isDrained(partitions: readonly PartitionState[]): boolean {
  return partitions.every(({ mode, owned, paging }) => mode === 'draining' && !owned && !paging);
}

/** The cursor at which all partitions stand, drained; undefined while they do not. */
export function commonCursor(partitions: readonly PartitionState[]): string | undefined {
  const [first] = partitions;
  const same = partitions.every(({ cursor }) => cursor.snapshot === first?.cursor.snapshot);
  return same && isDrained(partitions) ? first?.cursor.snapshot : undefined;
}

/**
 * Gives each drained partition the rest of its events up to one snapshot as a window, to be worked off by whoever takes it, and answers
 * the snapshot: once all cursors are there, everything that it sees is in the topic, and nothing else. A partition without such events
 * is there at once. Undefined, and nothing has changed, when the partitions are not drained.
 */
export function giveLastWindow(pool: Pool): Promise<string | undefined> {
  return inTransactionForRelays(pool, async (client) => {
    const partitions = await lockPartitions(client);
    if (partitions.some(({ idle }) => !idle)) return undefined;
    const { rows } = await client.query<{ target: string }>('SELECT pg_current_snapshot()::text AS target');
    const target = rows[0]?.target;
    if (target === undefined) throw new Error('the server did not tell its snapshot');
    for (const members of Map.groupBy(partitions, ({ cursor }) => cursor).values()) {
      await openWindows(client, { target, partitionCount: partitions.length, members });
    }
    return target;
  });
}

interface LockedPartition {
  readonly partition: number;
  readonly cursor: string;
  readonly idle: boolean;
}

/** In the order in which relays lock them. */
async function lockPartitions(client: ClientBase): Promise<LockedPartition[]> {
  const { rows } = await client.query<LockedPartition>(
    `SELECT partition, cursor::text, mode = 'draining' AND page_target IS NULL AND NOT ${IS_OWNED} AS idle
     FROM relay_partition ORDER BY partition FOR UPDATE`,
  );
  return rows;
}

/** Moves partitions with one cursor to the target, or to the beginning of their windows towards it. */
async function openWindows(
  client: ClientBase,
  group: {
    readonly target: string;
    readonly partitionCount: number;
    readonly members: readonly LockedPartition[];
  },
): Promise<void> {
  const { target, partitionCount, members } = group;
  const cursor = members[0]?.cursor ?? target;
  const numbers = members.map(({ partition }) => partition);
  await client.query(
    `WITH beyond AS MATERIALIZED (
       SELECT seq, xid, key_hash FROM outbox WHERE xid >= pg_snapshot_xmax($1::pg_snapshot)
       UNION ALL
       SELECT seq, xid, key_hash FROM outbox WHERE xid = ANY(ARRAY(SELECT pg_snapshot_xip($1::pg_snapshot)))),
     windows AS (
       SELECT member AS partition, min(seq) AS first_seq, max(seq) AS last_seq
       FROM unnest($3::int[]) AS member
       LEFT JOIN beyond ON key_hash % $4::int = member AND pg_visible_in_snapshot(xid, $2::pg_snapshot)
       GROUP BY member)
     UPDATE relay_partition SET
       cursor = CASE WHEN first_seq IS NULL THEN $2::pg_snapshot ELSE cursor END,
       page_target = CASE WHEN first_seq IS NOT NULL THEN $2::pg_snapshot END,
       page_seq = first_seq - 1, page_end = last_seq, owner = NULL, lease_until = NULL, updated_at = clock_timestamp()
     FROM windows WHERE relay_partition.partition = windows.partition`,
    [cursor, target, numbers, partitionCount],
  );
}

/**
 * Goes over to the new number of partitions, all of them running from `cursor`, where all old ones stand drained. The new ones begin
 * with an empty log. Former checkpoints are of partitions that had other keys.
 */
export function finishResize(pool: Pool, cursor: string, partitionCount: number): Promise<void> {
  return inTransactionForRelays(pool, async (client) => {
    const partitions = await lockPartitions(client);
    if (partitions.some((one) => !one.idle || one.cursor !== cursor)) {
      throw new RefusedError('the partitions have moved meanwhile: run outboxctl resize again');
    }
    await refuseUnfinishedReplays(client);
    await client.query(
      `INSERT INTO relay_partition (partition, cursor)
       SELECT partition, $1::pg_snapshot FROM generate_series(0, $2::int - 1) AS partition
       ON CONFLICT (partition) DO NOTHING`,
      [cursor, partitionCount],
    );
    await client.query(
      `UPDATE relay_partition SET mode = 'running', owner = NULL, lease_until = NULL, updated_at = clock_timestamp(),
         log_mark = NULL, log_history = NULL`,
    );
    await client.query('UPDATE relay_identity SET partition_count = $1, updated_at = clock_timestamp()', [
      partitionCount,
    ]);
    await remapParkedKeys(client, (key) => keyHash(key) % partitionCount);
  });
}

/** How far a replay is, is kept by partition. */
export async function refuseUnfinishedReplays(queries: Queries): Promise<void> {
  const [first] = await unfinishedReplays(queries);
  if (!first) return;
  throw new RefusedError(
    `replay ${first.replayId} is under way: wait for it (outboxctl replay status), or outboxctl replay cancel ${first.replayId}`,
  );
}
