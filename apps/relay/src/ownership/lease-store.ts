import type { Pool } from 'pg';
import type { Checkpoint } from '../checkpoint.ts';
import { CURSOR_AT_START } from '../outbox/cursor.ts';

/** The right to publish to one partition. `epoch` grows with each owner. */
export interface Lease {
  readonly partition: number;
  readonly epoch: bigint;
  readonly checkpoint: Checkpoint;
}

/** What a renewal stores for one partition. */
export interface LeaseRenewal {
  readonly partition: number;
  readonly epoch: bigint;
  readonly checkpoint: Checkpoint;
}

export interface LeaseStore {
  /** Creates the rows of partitions that have none yet, and answers with the number of rows there are. */
  ensurePartitions(count: number): Promise<number>;
  /** Takes every partition that nobody owns. Safe against relays doing the same at the same time. */
  acquireFree(): Promise<Lease[]>;
  /** Renews leases and stores their checkpoints in one statement; answers with the partitions that are still ours. */
  renew(renewals: readonly LeaseRenewal[]): Promise<Set<number>>;
  /** Gives leases back and stores their checkpoints, so that another relay can take them at once. */
  release(renewals: readonly LeaseRenewal[]): Promise<void>;
}

interface LeaseRow {
  partition: number;
  epoch: string | bigint;
  cursor: string;
  page_target: string | null;
  page_seq: string | bigint | null;
  page_end: string | bigint | null;
  log_offset: string | bigint;
}

/** Leases are rows and short transactions, timed by the database's clock: no session state, so any pooler will do. */
export function createLeaseStore(options: { pool: Pool; owner: string; leaseMs: number }): LeaseStore {
  const { pool, owner, leaseMs } = options;
  return {
    async ensurePartitions(count) {
      await pool.query(
        `INSERT INTO relay_partition (partition, cursor)
         SELECT partition, $2::pg_snapshot FROM generate_series(0, $1::int - 1) AS partition
         ON CONFLICT (partition) DO NOTHING`,
        [count, CURSOR_AT_START.snapshot],
      );
      const { rows } = await pool.query<{ count: string }>('SELECT count(*) AS count FROM relay_partition');
      return Number(rows[0]?.count);
    },

    async acquireFree() {
      const { rows } = await pool.query<LeaseRow>(
        `UPDATE relay_partition
         SET owner = $1, epoch = epoch + 1, updated_at = clock_timestamp(),
             lease_until = clock_timestamp() + $2::int * interval '1 millisecond'
         WHERE partition IN (
           SELECT partition FROM relay_partition
           WHERE owner IS NULL OR lease_until < clock_timestamp()
           ORDER BY partition FOR UPDATE SKIP LOCKED)
         RETURNING partition, epoch, cursor::text, page_target::text, page_seq, page_end, log_offset`,
        [owner, leaseMs],
      );
      return rows.map(leaseOf);
    },

    async renew(renewals) {
      const { rows } = await pool.query<{ partition: number }>(
        `UPDATE relay_partition AS lease
         SET lease_until = clock_timestamp() + $9::int * interval '1 millisecond', updated_at = clock_timestamp(),
             ${SET_CHECKPOINT}
         FROM ${HELD} WHERE ${IS_OURS}
         RETURNING lease.partition`,
        [...checkpointValues(owner, renewals), leaseMs],
      );
      return new Set(rows.map((row) => row.partition));
    },

    async release(renewals) {
      await pool.query(
        `UPDATE relay_partition AS lease
         SET owner = NULL, lease_until = NULL, updated_at = clock_timestamp(), ${SET_CHECKPOINT}
         FROM ${HELD} WHERE ${IS_OURS}`,
        checkpointValues(owner, renewals),
      );
    },
  };
}

const HELD = `unnest($2::int[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[])
  AS held (partition, epoch, cursor, page_target, page_seq, page_end, log_offset)`;
const IS_OURS = 'lease.partition = held.partition AND lease.epoch = held.epoch AND lease.owner = $1';
const SET_CHECKPOINT = `cursor = held.cursor::pg_snapshot, page_target = held.page_target::pg_snapshot,
  page_seq = held.page_seq, page_end = held.page_end, log_offset = held.log_offset`;

function checkpointValues(owner: string, renewals: readonly LeaseRenewal[]): unknown[] {
  const pages = renewals.map((renewal) => renewal.checkpoint.cursor.page);
  return [
    owner,
    renewals.map((renewal) => renewal.partition),
    renewals.map((renewal) => renewal.epoch),
    renewals.map((renewal) => renewal.checkpoint.cursor.snapshot),
    pages.map((page) => page?.target ?? null),
    pages.map((page) => page?.afterSeq ?? null),
    pages.map((page) => page?.endSeq ?? null),
    renewals.map((renewal) => renewal.checkpoint.logOffset),
  ];
}

function leaseOf(row: LeaseRow): Lease {
  const page =
    row.page_target !== null && row.page_seq !== null && row.page_end !== null
      ? { target: row.page_target, afterSeq: BigInt(row.page_seq), endSeq: BigInt(row.page_end) }
      : undefined;
  return {
    partition: row.partition,
    epoch: BigInt(row.epoch),
    checkpoint: {
      cursor: { snapshot: row.cursor, ...(page && { page }) },
      logOffset: BigInt(row.log_offset),
    },
  };
}
