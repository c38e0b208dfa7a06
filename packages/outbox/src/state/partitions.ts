import type { Cursor } from '../cursor.ts';
import type { Queries } from '../queries.ts';
import { CURSOR_COLUMNS, type CursorColumns, storedCursor } from './cursor-row.ts';

/** What the tables say about one partition of the topic. */
export interface PartitionState {
  readonly partition: number;
  /** `running`, `draining`, `paused`, or what a newer version knows. */
  readonly mode: string;
  /** The relay that has it, or had it last and did not give it back. */
  readonly owner: string | undefined;
  /** There is an owner, and its lease has not run out. */
  readonly owned: boolean;
  /** How long there has been none with a valid lease. */
  readonly unownedSeconds: number;
  readonly epoch: bigint;
  readonly cursor: Cursor;
  /** A window too large for one page is being worked off. */
  readonly paging: boolean;
  /** Since the checkpoint was stored. */
  readonly checkpointAgeSeconds: number;
  readonly logOffset: bigint;
  readonly parkedEvents: number;
  readonly parkedKeys: number;
}

interface Row extends CursorColumns {
  partition: number;
  owner: string | null;
  owned: boolean;
  unowned_age: string;
  epoch: bigint | string;
  mode: string;
  log_offset: bigint | string;
  checkpoint_age: string;
  parked_events: bigint | string;
  parked_keys: bigint | string;
}

/**
 * All partitions that the relays know, in order; none before a relay has found the topic. Parked events are few by nature, and the index
 * on (partition, key, seq) has all that is counted.
 */
export async function readPartitions(queries: Queries): Promise<PartitionState[]> {
  const { rows } = await queries.query<Row>(
    `SELECT partition, owner, ${IS_OWNED} AS owned, epoch, mode, ${CURSOR_COLUMNS}, log_offset,
       extract(epoch FROM clock_timestamp() - coalesce(lease_until, updated_at)) AS unowned_age,
       extract(epoch FROM clock_timestamp() - updated_at) AS checkpoint_age,
       coalesce(parked.events, 0) AS parked_events, coalesce(parked.keys, 0) AS parked_keys
     FROM relay_partition LEFT JOIN (
       SELECT partition, count(*) AS events, count(DISTINCT key) AS keys FROM parked_event GROUP BY partition
     ) AS parked USING (partition)
     ORDER BY partition`,
  );
  return rows.map(partitionState);
}

/** SQL: somebody may publish the partition. */
export const IS_OWNED = 'coalesce(lease_until >= clock_timestamp(), false)';

function partitionState(row: Row): PartitionState {
  const cursor = storedCursor(row);
  return {
    partition: row.partition,
    mode: row.mode,
    owner: row.owner ?? undefined,
    owned: row.owned,
    unownedSeconds: row.owned ? 0 : Math.max(0, Number(row.unowned_age)),
    epoch: BigInt(row.epoch),
    cursor,
    paging: cursor.page !== undefined,
    checkpointAgeSeconds: Math.max(0, Number(row.checkpoint_age)),
    logOffset: BigInt(row.log_offset),
    parkedEvents: Number(row.parked_events),
    parkedKeys: Number(row.parked_keys),
  };
}
