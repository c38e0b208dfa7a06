import { type Database, inTransaction } from '@order-events/database';
import { sql } from 'kysely';
import { notifyRelays } from './relay-notification.ts';

export type Mode = 'running' | 'draining' | 'paused';

/** What the tables say about one partition of the topic. */
export interface PartitionState {
  readonly partition: number;
  readonly mode: Mode;
  /** The relay that publishes it; undefined also when its lease has run out. */
  readonly owner: string | undefined;
  /** How long nobody has published it, in seconds; 0 while somebody does. */
  readonly unownedSeconds: number;
  /** Age of what is stored about it, in seconds. */
  readonly checkpointAgeSeconds: number;
  /** Text of a pg_snapshot. */
  readonly cursor: string;
  /** Where the window being worked off in pages ends, and up to which seq it is done; undefined between windows. */
  readonly page: { readonly target: string; readonly afterSeq: bigint } | undefined;
  readonly logOffset: bigint;
}

interface PartitionRow {
  partition: number;
  mode: Mode;
  owner: string | null;
  unowned_seconds: number;
  checkpoint_age_seconds: number;
  cursor: string;
  page_target: string | null;
  page_seq: bigint | null;
  log_offset: bigint;
}

/** All partitions that the relays know, in order. */
export async function listPartitions(database: Database): Promise<PartitionState[]> {
  const { rows } = await sql<PartitionRow>`
    SELECT partition, mode, cursor::text, page_target::text, page_seq, log_offset,
      CASE WHEN lease_until >= clock_timestamp() THEN owner END AS owner,
      CASE WHEN lease_until >= clock_timestamp() THEN 0
        ELSE extract(epoch FROM clock_timestamp() - coalesce(lease_until, updated_at))::float8 END AS unowned_seconds,
      extract(epoch FROM clock_timestamp() - updated_at)::float8 AS checkpoint_age_seconds
    FROM relay_partition ORDER BY partition`.execute(database);
  return rows.map((row) => ({
    partition: row.partition,
    mode: row.mode,
    owner: row.owner ?? undefined,
    unownedSeconds: row.unowned_seconds,
    checkpointAgeSeconds: row.checkpoint_age_seconds,
    cursor: row.cursor,
    page:
      row.page_target !== null && row.page_seq !== null
        ? { target: row.page_target, afterSeq: row.page_seq }
        : undefined,
    logOffset: row.log_offset,
  }));
}

/**
 * Puts partitions (all of them when none are named) into a mode and tells the relays. Answers with those whose mode was another one.
 */
export function setMode(
  database: Database,
  mode: Mode,
  partitions: readonly number[] | undefined,
): Promise<number[]> {
  return inTransaction(database, async (transaction) => {
    // In the order in which relays lock them, so that neither has to wait for the other.
    const { rows } = await sql<{ partition: number }>`
      WITH concerned AS (
        SELECT partition FROM relay_partition
        WHERE mode <> ${mode} AND (${partitions ?? null}::int[] IS NULL OR partition = ANY(${partitions ?? null}::int[]))
        ORDER BY partition FOR UPDATE)
      UPDATE relay_partition SET mode = ${mode} FROM concerned
      WHERE relay_partition.partition = concerned.partition
      RETURNING relay_partition.partition`.execute(transaction);
    await notifyRelays(transaction);
    return rows.map(({ partition }) => partition).sort((a, b) => a - b);
  });
}
