import type { Queries } from '../queries.ts';
import { IS_OWNED } from './partitions.ts';
import { isStampedAhead } from './stamped-ahead.ts';

export interface LiveRelay {
  readonly id: string;
  readonly partitions: number;
  /** Undefined for an owner that sends no heartbeats. */
  readonly heartbeatAgeSeconds: number | undefined;
  /** It does not reach Kafka, and has left its partitions to those that do. */
  readonly gaveWay: boolean;
}

/** SQL: a relay has given a sign of life within `lease`, SQL for the duration of a lease. */
export const hasHeartbeat = (lease: string): string => `heartbeat_at >= clock_timestamp() - ${lease}`;

/**
 * Relays that are alive: they own something by a valid lease, or have sent a heartbeat within the duration of one, as relays count each
 * other. What was stamped before the clock was set back is no sign of life.
 */
export async function readLiveRelays(queries: Queries, leaseMs: number): Promise<LiveRelay[]> {
  const { rows } = await queries.query<{
    id: string;
    partitions: bigint | string;
    heartbeat_age: string | null;
    gave_way: boolean;
  }>(
    `SELECT id, coalesce(owners.partitions, 0) AS partitions, extract(epoch FROM clock_timestamp() - heartbeat_at) AS heartbeat_age,
       coalesce(kafka_reach = 'gave way', false) AS gave_way
     FROM (SELECT id, heartbeat_at, kafka_reach FROM relay_instance
           WHERE ${hasHeartbeat(`$1::int * interval '1 millisecond'`)} AND NOT ${isStampedAhead('heartbeat_at')}) AS instance
     FULL JOIN (SELECT owner AS id, count(*) AS partitions FROM relay_partition
                WHERE owner IS NOT NULL AND ${IS_OWNED} AND NOT ${isStampedAhead('updated_at')} GROUP BY owner) AS owners USING (id)
     ORDER BY id`,
    [leaseMs],
  );
  return rows.map((row) => ({
    id: row.id,
    partitions: Number(row.partitions),
    heartbeatAgeSeconds: row.heartbeat_age === null ? undefined : Math.max(0, Number(row.heartbeat_age)),
    gaveWay: row.gave_way,
  }));
}
