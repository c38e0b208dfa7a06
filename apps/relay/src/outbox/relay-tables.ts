import type { Pool } from 'pg';
import type { PartitionObservation, RelayObservation, ReplayObservation } from './backlog-observation.ts';
import type { StoredCursor } from './pending-query.ts';

/** What `relay_partition` and the parked events tell of a partition. */
export type PartitionRow = StoredCursor &
  Omit<PartitionObservation, 'pendingEvents' | 'oldestPendingAgeSeconds'>;

interface Row {
  partition: number;
  owner: string | null;
  owned: boolean | null;
  epoch: bigint | string;
  mode: string;
  cursor: string;
  page_target: string | null;
  page_seq: bigint | string | null;
  page_end: bigint | string | null;
  log_offset: bigint | string;
  checkpoint_age: string;
  parked_events: bigint | string;
  parked_keys: bigint | string;
}

/** A relay whose heartbeat is older is not counted any more. */
const HEARTBEAT_LIMIT_SECONDS = 15;

/** Parked events are few by nature, and the index on (partition, key, seq) has all that is counted. */
export async function readPartitions(pool: Pool): Promise<PartitionRow[]> {
  const { rows } = await pool.query<Row>(
    `SELECT partition, owner, lease_until > clock_timestamp() AS owned, epoch, mode, cursor::text, page_target::text, page_seq, page_end,
       log_offset, extract(epoch FROM clock_timestamp() - updated_at) AS checkpoint_age,
       coalesce(parked.events, 0) AS parked_events, coalesce(parked.keys, 0) AS parked_keys
     FROM relay_partition LEFT JOIN (
       SELECT partition, count(*) AS events, count(DISTINCT key) AS keys FROM parked_event GROUP BY partition
     ) AS parked USING (partition)
     ORDER BY partition`,
  );
  return rows.map((row) => ({
    partition: row.partition,
    cursor: cursorOf(row),
    owner: row.owner ?? undefined,
    owned: row.owned === true,
    epoch: BigInt(row.epoch),
    mode: row.mode,
    paging: row.page_target !== null,
    checkpointAgeSeconds: Math.max(0, Number(row.checkpoint_age)),
    logOffset: BigInt(row.log_offset),
    parkedEvents: Number(row.parked_events),
    parkedKeys: Number(row.parked_keys),
  }));
}

function cursorOf(row: Row): StoredCursor['cursor'] {
  if (row.page_target === null || row.page_seq === null || row.page_end === null) {
    return { snapshot: row.cursor };
  }
  const page = {
    target: row.page_target,
    afterSeq: BigInt(row.page_seq),
    endSeq: BigInt(row.page_end),
  };
  return { snapshot: row.cursor, page };
}

/** Relays that own something by a valid lease, or that have sent a heartbeat of late. */
export async function readRelays(pool: Pool): Promise<RelayObservation[]> {
  const { rows } = await pool.query<{
    id: string;
    partitions: bigint | string;
    heartbeat_age: string | null;
  }>(
    `SELECT id, coalesce(owners.partitions, 0) AS partitions, extract(epoch FROM clock_timestamp() - heartbeat_at) AS heartbeat_age
     FROM (SELECT id, heartbeat_at FROM relay_instance
           WHERE heartbeat_at > clock_timestamp() - ${HEARTBEAT_LIMIT_SECONDS} * interval '1 second') AS instance
     FULL JOIN (SELECT owner AS id, count(*) AS partitions FROM relay_partition
                WHERE lease_until > clock_timestamp() GROUP BY owner) AS owners USING (id)
     ORDER BY id`,
  );
  return rows.map((row) => ({
    id: row.id,
    partitions: Number(row.partitions),
    heartbeatAgeSeconds: row.heartbeat_age === null ? undefined : Math.max(0, Number(row.heartbeat_age)),
  }));
}

export async function readReplays(pool: Pool): Promise<ReplayObservation[]> {
  const { rows } = await pool.query<{
    replay_id: string;
    published: bigint | string;
    unfinished: bigint | string;
    age: string;
  }>(
    `SELECT replay_id, sum(published_events) AS published, count(*) FILTER (WHERE finished_at IS NULL) AS unfinished,
       extract(epoch FROM clock_timestamp() - requested_at) AS age
     FROM replay_request JOIN replay_partition USING (replay_id)
     WHERE replay_id IN (SELECT replay_id FROM replay_partition WHERE finished_at IS NULL)
     GROUP BY replay_id, requested_at ORDER BY requested_at`,
  );
  return rows.map((row) => ({
    replayId: row.replay_id,
    publishedEvents: Number(row.published),
    unfinishedPartitions: Number(row.unfinished),
    ageSeconds: Math.max(0, Number(row.age)),
  }));
}
