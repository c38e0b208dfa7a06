import type { Pool } from 'pg';
import { CURSOR_AT_START } from '../outbox/cursor.ts';
import {
  acquiredLease,
  type AcquiredRow,
  checkpointColumns,
  ownershipView,
  type ViewRow,
} from './lease-row.ts';
import type { AcquiredLease, LeaseRenewal, OwnershipView } from './lease.ts';
import type { LeaseId } from './ownership-state.ts';

export interface LeaseStore {
  /** Creates the rows of all partitions when there are none at all, and answers with the number of rows there are. */
  ensurePartitions(count: number): Promise<number>;
  /**
   * Renews leases and stores their checkpoints in one statement. `alive`: this relay shares the partitions with the others from now
   * on, until it leaves or has not renewed for the time of a lease.
   */
  renew(renewals: readonly LeaseRenewal[], options: { readonly alive: boolean }): Promise<OwnershipView>;
  /** What a renewal answers, without renewing. */
  look(leases: readonly LeaseId[]): Promise<OwnershipView>;
  /**
   * Takes up to `limit` partitions that nobody owns, or that are this relay's and not among `known` (an acquisition whose answer
   * was lost). Safe against relays doing the same at the same time. None while the cursors are about another topic, or another number
   * of partitions, than this store: another mapping of keys would read a partition's cursor past events that belong to it.
   */
  acquire(limit: number, known: readonly LeaseId[]): Promise<AcquiredLease[]>;
  /**
   * Gives leases back and stores their checkpoints in one statement, and wakes the other relays; answers with the partitions that
   * were still ours. `leaving`: they need not count on this relay any more.
   */
  release(
    renewals: readonly LeaseRenewal[],
    options: { readonly leaving: boolean },
  ): Promise<ReadonlySet<number>>;
}

/** What the cursors are about, as long as this relay may publish. */
export interface CursorSubject {
  readonly topic: string;
  readonly partitionCount: number;
}

/**
 * Leases are rows and short statements, timed by the database's clock: no session state, so any pooler will do. Without a `subject`
 * the cursors may be about anything.
 */
export function createLeaseStore(options: {
  pool: Pool;
  owner: string;
  leaseMs: number;
  subject?: CursorSubject;
}): LeaseStore {
  const { pool, owner, leaseMs, subject } = options;

  async function isOnSubject(): Promise<boolean> {
    if (!subject) return true;
    const { rowCount } = await pool.query(
      'SELECT FROM relay_identity WHERE topic = $1 AND partition_count = $2',
      [subject.topic, subject.partitionCount],
    );
    return rowCount === 1;
  }

  /** As they were found: nothing was published. */
  async function putBack(rows: readonly AcquiredRow[]): Promise<void> {
    await pool.query(
      `WITH put_back AS (
         UPDATE relay_partition AS lease SET owner = NULL, lease_until = NULL, updated_at = clock_timestamp()
         FROM unnest($2::int[], $3::bigint[]) AS held (partition, epoch) WHERE ${IS_OURS}
         RETURNING 1)
       SELECT pg_notify('relay_ownership', '') FROM put_back LIMIT 1`,
      [owner, rows.map(({ partition }) => partition), rows.map(({ epoch }) => epoch)],
    );
  }

  return {
    async ensurePartitions(count) {
      await pool.query(
        // Only the first time: later ones would start at the beginning of the outbox, in the middle of a change of their number.
        `INSERT INTO relay_partition (partition, cursor)
         SELECT partition, $2::pg_snapshot FROM generate_series(0, $1::int - 1) AS partition
         WHERE NOT EXISTS (SELECT FROM relay_partition)
         ON CONFLICT (partition) DO NOTHING`,
        [count, CURSOR_AT_START.snapshot],
      );
      const { rows } = await pool.query<{ count: string }>('SELECT count(*) AS count FROM relay_partition');
      return Number(rows[0]?.count);
    },

    async renew(renewals, { alive }) {
      const { rows } = await pool.query<ViewRow>(
        `WITH held AS (${HELD}),
         heartbeat AS (
           INSERT INTO relay_instance (id, heartbeat_at) SELECT $1, clock_timestamp() WHERE $10
           ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at),
         pruned AS (
           DELETE FROM relay_instance WHERE id IN (
             SELECT id FROM relay_instance WHERE id <> $1 AND NOT ${IS_ALIVE} FOR UPDATE SKIP LOCKED)),
         ours AS (
           UPDATE relay_partition AS lease
           SET lease_until = clock_timestamp() + ${LEASE}, updated_at = clock_timestamp(), ${SET_CHECKPOINT}
           FROM held WHERE ${IS_OURS} AND ${IS_STORABLE}
           RETURNING lease.partition, lease.mode)
         ${SELECT_VIEW}`,
        [owner, leaseMs, ...checkpointColumns(renewals), alive],
      );
      return ownershipView(rows);
    },

    async look(leases) {
      const { rows } = await pool.query<ViewRow>(
        `WITH held AS (SELECT * FROM unnest($3::int[], $4::bigint[]) AS held (partition, epoch)),
         ours AS (SELECT lease.partition, lease.mode FROM relay_partition AS lease JOIN held ON ${IS_OURS})
         ${SELECT_VIEW}`,
        [owner, leaseMs, leases.map(({ partition }) => partition), leases.map(({ epoch }) => epoch)],
      );
      return ownershipView(rows);
    },

    async acquire(limit, known) {
      if (!(await isOnSubject())) return [];
      // Materialized: a plan that runs the sub-query again for each row would take more than the limit.
      const { rows } = await pool.query<AcquiredRow>(
        `WITH held AS (SELECT unnest($3::int[]) AS partition),
         free AS MATERIALIZED (
           SELECT partition FROM relay_partition AS lease WHERE ${MAY_BE_OWNED} AND ${IS_FREE}
           ORDER BY partition LIMIT $4 FOR UPDATE SKIP LOCKED)
         UPDATE relay_partition AS lease
         SET owner = $1, epoch = epoch + 1, updated_at = clock_timestamp(), lease_until = clock_timestamp() + ${LEASE},
           server_run = (SELECT relay_server_run())
         FROM free WHERE lease.partition = free.partition
         RETURNING lease.partition, epoch, mode, cursor::text, page_target::text, page_seq, page_end, log_offset`,
        [owner, leaseMs, known.map(({ partition }) => partition), limit],
      );
      // Whoever changes the subject does so while nobody owns a partition: what is taken after the change is seen to be so here, and
      // what was taken before it keeps the change from being made.
      if (rows.length === 0 || (await isOnSubject())) return rows.map(acquiredLease);
      await putBack(rows);
      return [];
    },

    async release(renewals, { leaving }) {
      const { rows } = await pool.query<{ released: number[] | null }>(
        `WITH held AS (${HELD}),
         gone AS (DELETE FROM relay_instance WHERE id = $1 AND $2),
         released AS (
           UPDATE relay_partition AS lease
           SET owner = NULL, lease_until = NULL, updated_at = clock_timestamp(), ${SET_CHECKPOINT}
           FROM held WHERE ${IS_OURS} AND ${IS_STORABLE}
           RETURNING lease.partition)
         SELECT array_agg(partition) AS released, pg_notify('relay_ownership', '') FROM released`,
        [owner, leaving, ...checkpointColumns(renewals)],
      );
      return new Set(rows[0]?.released);
    },
  };
}

const LEASE = `$2::int * interval '1 millisecond'`;
const HELD = `SELECT * FROM unnest($3::int[], $4::bigint[], $5::text[]::pg_snapshot[], $6::text[]::pg_snapshot[],
    $7::bigint[], $8::bigint[], $9::bigint[])
  AS held (partition, epoch, cursor, page_target, page_seq, page_end, log_offset)`;
const IS_OURS = 'lease.partition = held.partition AND lease.epoch = held.epoch AND lease.owner = $1';
/**
 * - A request that was on its way for too long must not undo what came after it: cursors of one epoch only grow.
 * - A database that has crashed, was restored or failed over may have lost transactions that a cursor in memory has seen, and gives
 *   their ids out again. Its stored cursor is the right one to go on from: the relay loses its lease and takes it again from there.
 */
const IS_STORABLE = `(pg_snapshot_xmax(held.cursor), pg_snapshot_xmin(held.cursor))
    >= (pg_snapshot_xmax(lease.cursor), pg_snapshot_xmin(lease.cursor))
  AND pg_snapshot_xmax(held.cursor) <= pg_snapshot_xmax(pg_current_snapshot())
  AND lease.server_run = (SELECT relay_server_run())`;
const SET_CHECKPOINT = `cursor = held.cursor, page_target = held.page_target,
  page_seq = held.page_seq, page_end = held.page_end, log_offset = held.log_offset`;
const IS_ALIVE = `heartbeat_at >= clock_timestamp() - ${LEASE}`;
/** A partition that drains needs an owner only for the rest of its window. */
const MAY_BE_OWNED = `(lease.mode = 'running' OR lease.mode = 'draining' AND lease.page_target IS NOT NULL)`;
const IS_FREE = `((lease.owner IS NULL OR lease.lease_until < clock_timestamp() OR lease.owner = $1)
  AND lease.partition NOT IN (SELECT partition FROM held))`;
const SELECT_VIEW = `SELECT
  (SELECT coalesce(json_agg(ours), '[]') FROM ours) AS ours,
  (SELECT count(*)::int FROM relay_instance WHERE id <> $1 AND ${IS_ALIVE}) AS others,
  (SELECT count(*)::int FROM relay_instance WHERE id < $1 AND ${IS_ALIVE}) AS rank,
  (SELECT count(*)::int FROM relay_partition AS lease WHERE ${MAY_BE_OWNED}) AS available,
  (SELECT count(*)::int FROM relay_partition AS lease WHERE ${MAY_BE_OWNED} AND ${IS_FREE}) AS free`;
