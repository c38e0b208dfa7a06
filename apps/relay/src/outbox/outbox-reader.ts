import type { OrderEventType } from '@order-events/domain';
import type { Pool } from 'pg';
import type { PendingEvent } from '../pending-event.ts';
import type { Cursor } from './cursor.ts';
import {
  buildOutboxQuery,
  buildWindowBoundsQuery,
  type CursorGroup,
  type PageLimits,
} from './outbox-query.ts';

/** What one group reads in one go: events in `seq` order, and the cursor once all of them are published. */
export interface OutboxPage {
  readonly group: CursorGroup;
  readonly events: readonly PendingEvent[];
  readonly next: Cursor;
}

export interface OutboxReader {
  /** Reads the next page of every group in one statement. A page without events may still move the cursor. */
  read(groups: readonly CursorGroup[]): Promise<OutboxPage[]>;
}

interface Row {
  branch: number;
  snapshot: string | null;
  walked: string | bigint | null;
  found: string | bigint | null;
  last_seq: string | bigint | null;
  seq: string | bigint | null;
  key: string;
  partition: number;
  event_id: string;
  event_type: OrderEventType;
  headers: Record<string, string>;
  payload: string;
  created_at: Date;
}

/**
 * Reads the outbox in commit order per order, by snapshot difference (the batches of PgQ, taken by the reader itself).
 *
 * - Nothing is skipped: a transaction in progress at the cursor's snapshot is listed in it, or begins after it, and so belongs to
 *   a later window whenever it commits.
 * - Nothing waits: an open transaction delays its own events only.
 * - Order holds: a row lock is released after its transaction has left the list of those in progress, so of two changes of one
 *   order the first is in an earlier window, or in the same one with the lower `seq`.
 */
export function createOutboxReader(options: {
  pool: Pool;
  partitionCount: number;
  limits: PageLimits;
}): OutboxReader {
  const { pool, partitionCount, limits } = options;

  async function pageOf(group: CursorGroup, rows: readonly Row[]): Promise<OutboxPage> {
    const [header, ...found] = rows;
    if (!header?.snapshot) throw new Error('the outbox query answered without a snapshot');
    const { snapshot, page } = group.cursor;
    const target = page?.target ?? header.snapshot;
    if (!page && Number(header.found) > limits.rows) {
      return { group, events: [], next: await startOfWindow(group, target) };
    }
    const events = found.map(pendingEvent);
    const lastSeq = BigInt(header.last_seq ?? 0);
    const endSeq = page?.endSeq ?? lastSeq;
    const cutByBytes = events.length < Number(header.found);
    const walkedAll = !page || Number(header.walked) < limits.rows || lastSeq >= endSeq;
    if (walkedAll && !cutByBytes) return { group, events, next: { snapshot: target } };
    const afterSeq = cutByBytes ? (events.at(-1)?.seq ?? lastSeq) : lastSeq;
    return { group, events, next: { snapshot, page: { target, afterSeq, endSeq } } };
  }

  async function startOfWindow(group: CursorGroup, target: string): Promise<Cursor> {
    const { rows } = await pool.query<{ first_seq: string | null; last_seq: string | null }>(
      buildWindowBoundsQuery(group, target, partitionCount),
    );
    const bounds = rows[0];
    if (!bounds?.first_seq || !bounds.last_seq) return { snapshot: target };
    const page = { target, afterSeq: BigInt(bounds.first_seq) - 1n, endSeq: BigInt(bounds.last_seq) };
    return { snapshot: group.cursor.snapshot, page };
  }

  return {
    async read(groups) {
      const { rows } = await pool.query<Row>(buildOutboxQuery(groups, partitionCount, limits));
      const branches = groups.map((): Row[] => []);
      for (const row of rows) branches[row.branch]?.push(row);
      return Promise.all(groups.map((group, index) => pageOf(group, branches[index] ?? [])));
    },
  };
}

function pendingEvent(row: Row): PendingEvent {
  if (row.seq === null) throw new Error('the outbox query answered with two headers for one group');
  return {
    seq: BigInt(row.seq),
    eventId: row.event_id,
    eventType: row.event_type,
    key: row.key,
    partition: row.partition,
    payload: row.payload,
    headers: row.headers,
    createdAt: row.created_at,
  };
}
