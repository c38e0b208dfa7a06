import type { Pool } from 'pg';
import { CURSOR_AT_START } from '../cursor.ts';
import {
  acquiredLease,
  type AcquiredRow,
  checkpointColumns,
  ownershipView,
  type ViewRow,
} from './lease-row.ts';
import { ACQUIRE, ENSURE_PARTITIONS, GO_BACK, LOOK, PUT_BACK, RELEASE, RENEW } from './lease-statements.ts';
import { wakeRelays } from './relay-notification.ts';
import type { AcquiredLease, KafkaStanding, Lease, LeaseId, LeaseRenewal, OwnershipView } from './lease.ts';

export interface LeaseStore {
  /** Creates the rows of all partitions when there are none at all, and answers with the number of rows there are. */
  ensurePartitions(count: number): Promise<number>;
  /**
   * Renews leases and stores their checkpoints in one statement, those apart whose rows somebody has locked. What others have stamped
   * ahead of the present clock is stamped anew, so that it ends. `alive`: this relay shares the partitions with the others from now on,
   * until it leaves or has not renewed for the time of a lease, or tells by `kafka` that it has given way.
   */
  renew(
    renewals: readonly LeaseRenewal[],
    options: { readonly alive: boolean; readonly kafka?: KafkaStanding },
  ): Promise<OwnershipView>;
  /** What a renewal answers, without renewing. */
  look(leases: readonly LeaseId[]): Promise<OwnershipView>;
  /**
   * Takes up to `limit` partitions that nobody owns, or that are this relay's and not among `known` (an acquisition whose answer
   * was lost). Safe against relays doing the same at the same time. None while the cursors are about another topic, or another number
   * of partitions, than this store: another mapping of keys would read a partition's cursor past events that belong to it.
   */
  acquire(limit: number, known: readonly LeaseId[]): Promise<AcquiredLease[]>;
  /**
   * Gives leases back and stores their checkpoints in one statement, then wakes the other relays; answers with the partitions that
   * were still ours and are given back: of a row that somebody has locked the lease runs out by itself. `leaving`: they need not count
   * on this relay any more.
   */
  release(
    renewals: readonly LeaseRenewal[],
    options: { readonly leaving: boolean },
  ): Promise<ReadonlySet<number>>;
  /**
   * Gives a lease back with an older checkpoint than the one that is stored, and wakes the other relays. `dropped`: the outbox may lack
   * something that it does not cover. Undefined when the lease was not ours any more.
   */
  goBack(lease: Lease): Promise<{ readonly dropped: boolean } | undefined>;
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
    await pool.query(PUT_BACK, [
      owner,
      rows.map(({ partition }) => partition),
      rows.map(({ epoch }) => epoch),
    ]);
    await wakeRelays(pool);
  }

  return {
    async ensurePartitions(count) {
      await pool.query(ENSURE_PARTITIONS, [count, CURSOR_AT_START.snapshot]);
      const { rows } = await pool.query<{ count: string }>('SELECT count(*) AS count FROM relay_partition');
      return Number(rows[0]?.count);
    },

    async renew(renewals, { alive, kafka }) {
      const { rows } = await pool.query<ViewRow>(RENEW, [
        owner,
        leaseMs,
        ...checkpointColumns(renewals),
        alive,
        kafka ?? null,
      ]);
      return ownershipView(rows);
    },

    async look(leases) {
      const { rows } = await pool.query<ViewRow>(LOOK, [
        owner,
        leaseMs,
        leases.map(({ partition }) => partition),
        leases.map(({ epoch }) => epoch),
      ]);
      return ownershipView(rows);
    },

    async acquire(limit, known) {
      if (!(await isOnSubject())) return [];
      const { rows } = await pool.query<AcquiredRow>(ACQUIRE, [
        owner,
        leaseMs,
        known.map(({ partition }) => partition),
        limit,
      ]);
      // Whoever changes the subject does so while nobody owns a partition: what is taken after the change is seen to be so here, and
      // what was taken before it keeps the change from being made.
      if (rows.length === 0 || (await isOnSubject())) return rows.map(acquiredLease);
      await putBack(rows);
      return [];
    },

    async release(renewals, { leaving }) {
      const { rows } = await pool.query<{ released: number[] | null }>(RELEASE, [
        owner,
        leaving,
        ...checkpointColumns(renewals),
      ]);
      const released = new Set(rows[0]?.released);
      if (released.size > 0) await wakeRelays(pool);
      return released;
    },

    async goBack(lease) {
      const { rows } = await pool.query<{ dropped: boolean }>(GO_BACK, [
        owner,
        ...checkpointColumns([lease]),
      ]);
      if (rows[0]) await wakeRelays(pool);
      return rows[0];
    },
  };
}
