import { type Database, inTransaction, type Transaction } from '@order-events/database';
import { keyHash } from '@order-events/messaging';
import { sql } from 'kysely';
import { CommandError } from './outcome.ts';
import { remapParkedKeys } from './parked-event-store.ts';
import type { PartitionState } from './partition-store.ts';
import { notifyRelays } from './relay-notification.ts';

/** Nobody publishes, nobody may begin to, and no window is half done. */
export function isDrained(partitions: readonly PartitionState[]): boolean {
  return partitions.every(
    ({ mode, owner, page }) => mode === 'draining' && owner === undefined && page === undefined,
  );
}

/** The cursor at which all partitions stand, drained; undefined while they do not. */
export function commonCursor(partitions: readonly PartitionState[]): string | undefined {
  const [first] = partitions;
  const same = partitions.every(({ cursor }) => cursor === first?.cursor);
  return same && isDrained(partitions) ? first?.cursor : undefined;
}

/**
 * Gives each drained partition the rest of its events up to one snapshot as a window, to be worked off by whoever takes it, and answers
 * the snapshot: once all cursors are there, everything that it sees is in the topic, and nothing else. A partition without such events
 * is there at once. Undefined, and nothing has changed, when the partitions are not drained.
 */
export function giveLastWindow(database: Database): Promise<string | undefined> {
  return inTransaction(database, async (transaction) => {
    const partitions = await lockPartitions(transaction);
    if (partitions.some(({ idle }) => !idle)) return undefined;
    const { rows } = await sql<{ target: string }>`
      SELECT pg_current_snapshot()::text AS target`.execute(transaction);
    const target = rows[0]?.target;
    if (target === undefined) throw new Error('the server did not tell its snapshot');
    for (const members of Map.groupBy(partitions, ({ cursor }) => cursor).values()) {
      await openWindows(transaction, { target, partitionCount: partitions.length, members });
    }
    await notifyRelays(transaction);
    return target;
  });
}

interface LockedPartition {
  readonly partition: number;
  readonly cursor: string;
  readonly idle: boolean;
}

/** In the order in which relays lock them. */
async function lockPartitions(transaction: Transaction): Promise<LockedPartition[]> {
  const { rows } = await sql<LockedPartition>`
    SELECT partition, cursor::text, mode = 'draining' AND page_target IS NULL
      AND NOT coalesce(lease_until >= clock_timestamp(), false) AS idle
    FROM relay_partition ORDER BY partition FOR UPDATE`.execute(transaction);
  return rows;
}

/** Moves partitions with one cursor to the target, or to the beginning of their windows towards it. */
async function openWindows(
  transaction: Transaction,
  group: {
    readonly target: string;
    readonly partitionCount: number;
    readonly members: readonly LockedPartition[];
  },
): Promise<void> {
  const { target, partitionCount, members } = group;
  const cursor = members[0]?.cursor ?? target;
  const numbers = members.map(({ partition }) => partition);
  await sql`
    WITH beyond AS MATERIALIZED (
      SELECT seq, xid, key_hash FROM outbox WHERE xid >= pg_snapshot_xmax(${cursor}::pg_snapshot)
      UNION ALL
      SELECT seq, xid, key_hash FROM outbox WHERE xid = ANY(ARRAY(SELECT pg_snapshot_xip(${cursor}::pg_snapshot)))),
    windows AS (
      SELECT member AS partition, min(seq) AS first_seq, max(seq) AS last_seq
      FROM unnest(${numbers}::int[]) AS member
      LEFT JOIN beyond ON key_hash % ${partitionCount}::int = member
        AND pg_visible_in_snapshot(xid, ${target}::pg_snapshot)
      GROUP BY member)
    UPDATE relay_partition SET
      cursor = CASE WHEN first_seq IS NULL THEN ${target}::pg_snapshot ELSE cursor END,
      page_target = CASE WHEN first_seq IS NOT NULL THEN ${target}::pg_snapshot END,
      page_seq = first_seq - 1, page_end = last_seq, owner = NULL, lease_until = NULL, updated_at = clock_timestamp()
    FROM windows WHERE relay_partition.partition = windows.partition`.execute(transaction);
}

/**
 * Goes over to the new number of partitions, all of them running from `cursor`, where all old ones stand drained. The new ones begin
 * with an empty log.
 */
export function finishResize(database: Database, cursor: string, partitionCount: number): Promise<void> {
  return inTransaction(database, async (transaction) => {
    const partitions = await lockPartitions(transaction);
    if (partitions.some((one) => !one.idle || one.cursor !== cursor)) {
      throw new CommandError('the partitions have moved meanwhile: run outboxctl resize again');
    }
    await refuseUnfinishedReplays(transaction);
    await sql`
      INSERT INTO relay_partition (partition, cursor)
      SELECT partition, ${cursor}::pg_snapshot FROM generate_series(0, ${partitionCount}::int - 1) AS partition
      ON CONFLICT (partition) DO NOTHING`.execute(transaction);
    await sql`
      UPDATE relay_partition SET mode = 'running', owner = NULL, lease_until = NULL, updated_at = clock_timestamp()`.execute(
      transaction,
    );
    await sql`
      UPDATE relay_identity SET partition_count = ${partitionCount}, updated_at = clock_timestamp()`.execute(
      transaction,
    );
    await remapParkedKeys(transaction, (key) => keyHash(key) % partitionCount);
    await notifyRelays(transaction);
  });
}

/** How far a replay is, is kept by partition. */
export async function refuseUnfinishedReplays(database: Database | Transaction): Promise<void> {
  const { rows } = await sql<{ replay_id: string }>`
    SELECT DISTINCT replay_id FROM replay_partition WHERE finished_at IS NULL`.execute(database);
  const [first] = rows;
  if (!first) return;
  throw new CommandError(
    `replay ${first.replay_id} is under way: wait for it (outboxctl replay status), or outboxctl replay cancel ${first.replay_id}`,
  );
}
