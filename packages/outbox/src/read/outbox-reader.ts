import type { Pool } from 'pg';
import type { PendingEvent } from '../pending-event.ts';
import type { Cursor } from '../cursor.ts';
import { requireCursorNotAhead } from './cursor-ahead-error.ts';
import { EqualSeqError } from './equal-seq-error.ts';
import { createNearReader } from './near-reader.ts';
import { buildOutboxQuery, type CursorGroup, type PageLimits } from './outbox-query.ts';
import { groupIndexOf, type OutboxRow, pageHeader, pendingEvent } from './outbox-row.ts';
import { createOutboxSession } from './outbox-session.ts';
import { createWindowSearch, type WindowSearch } from './window-search.ts';

/** What one group reads in one go: events in `seq` order, and the cursor once all of them are published. */
export interface OutboxPage {
  readonly group: CursorGroup;
  readonly events: readonly PendingEvent[];
  readonly next: Cursor;
}

export interface OutboxReader {
  /**
   * Reads the next page of every group in one statement; a page without events may still move the cursor. A group whose window is
   * too large for one page, and still being measured, is left out of the answer: ask for it again.
   * Rejects with a CursorAheadError when the database has gone back in time, and with a ServerRunError, once, when it is not the run of
   * the server that answered before; with an EqualSeqError while two events of a window have one number.
   */
  read(groups: readonly CursorGroup[]): Promise<OutboxPage[]>;
}

/** More windows than this are never measured at once; beyond it the oldest measurement is begun again. */
const MAX_SEARCHES = 100;

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
  /** For this reader alone, since its sessions keep statements. */
  pool: Pool;
  throughPooler?: boolean;
  partitionCount: number;
  limits: PageLimits;
  /** Default `performance.now`. */
  monotonicMs?: () => number;
}): OutboxReader {
  const {
    pool,
    throughPooler = false,
    partitionCount,
    limits,
    monotonicMs = () => performance.now(),
  } = options;
  /** By the snapshot at which the window begins. */
  const searches = new Map<string, WindowSearch>();
  const session = createOutboxSession({ pool, throughPooler, onAnotherRun: forgetRun });
  const near = createNearReader({ session, partitionCount, limits, monotonicMs });

  function forgetRun(): void {
    searches.clear();
    near.forget();
  }

  const searchOf = ({ cursor }: CursorGroup) =>
    cursor.page === undefined ? searches.get(cursor.snapshot) : undefined;

  function beginSearch(snapshot: string, target: string, takenAtMs: number): void {
    const oldest = searches.keys().next().value;
    if (searches.size >= MAX_SEARCHES && oldest !== undefined) searches.delete(oldest);
    searches.set(snapshot, createWindowSearch(pool, snapshot, target, takenAtMs));
  }

  async function search(group: CursorGroup, running: WindowSearch): Promise<OutboxPage | undefined> {
    const page = await running.step();
    if (page === undefined) return undefined;
    const { snapshot } = group.cursor;
    searches.delete(snapshot);
    const { target, takenAtMs } = running;
    const next = page === 'empty' ? { snapshot: target, takenAtMs } : { snapshot, page };
    return { group, events: [], next };
  }

  function pageOf(group: CursorGroup, [first, ...rows]: readonly OutboxRow[]): OutboxPage | undefined {
    const header = pageHeader(first);
    requireCursorNotAhead(group.cursor, header.snapshot);
    const { snapshot, page } = group.cursor;
    const target = page?.target ?? header.snapshot;
    const targetTakenAtMs = page ? page.targetTakenAtMs : header.takenAtMs;
    if (!page && header.walkedRows > limits.rows) {
      beginSearch(snapshot, target, header.takenAtMs);
      return undefined;
    }
    const events = rows.map(pendingEvent);
    requireOrder(events);
    const endSeq = page?.endSeq ?? header.lastSeq;
    const cutByBytes = events.length < header.foundRows;
    const walkedAll = !page || header.walkedRows < limits.rows || header.lastSeq >= endSeq;
    if (walkedAll && !cutByBytes)
      return { group, events, next: { snapshot: target, takenAtMs: targetTakenAtMs } };
    const afterSeq = cutByBytes ? (events.at(-1)?.seq ?? header.lastSeq) : header.lastSeq;
    return { group, events, next: { snapshot, page: { target, targetTakenAtMs, afterSeq, endSeq } } };
  }

  /** For one group at the edge, which is what there is while the relay keeps up. */
  async function readNear(group: CursorGroup): Promise<OutboxPage | undefined> {
    const found = await near.read(group);
    if (!found) return undefined;
    requireOrder(found.events);
    return { group, ...found };
  }

  async function readPages(groups: readonly CursorGroup[]): Promise<(OutboxPage | undefined)[]> {
    const [first, second] = groups;
    if (!first) return [];
    const nearPage = second || first.cursor.page ? undefined : await readNear(first);
    if (nearPage) return [nearPage];
    const rows = await session.query(buildOutboxQuery(groups, partitionCount, limits));
    const ofGroup = groups.map((): OutboxRow[] => []);
    for (const row of rows) ofGroup[groupIndexOf(row)]?.push(row);
    const pages = groups.map((group, index) => pageOf(group, ofGroup[index] ?? []));
    for (const page of pages) if (page?.next.page) await requireOneAt(page.next.page.afterSeq, page.next);
    return pages;
  }

  /** Where a page ends, no other event of the window may have the number of its last one: the next page would pass it over. */
  async function requireOneAt(seq: bigint, { snapshot, page }: Cursor): Promise<void> {
    const { rows } = await pool.query<{ count: string }>(
      `SELECT count(*) AS count FROM outbox WHERE seq = $1
       AND pg_visible_in_snapshot(xid, $2::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, $3::pg_snapshot)`,
      [seq, page?.target, snapshot],
    );
    if (Number(rows[0]?.count) > 1) throw new EqualSeqError(seq);
  }

  return {
    async read(groups) {
      const pages = await readPages(groups.filter((group) => !searchOf(group)));
      // Groups with equal cursors are one group, so no search takes two steps at once.
      for (const group of groups) {
        const running = searchOf(group);
        if (running) pages.push(await search(group, running));
      }
      return pages.filter((page) => page !== undefined);
    },
  };
}

/** The cut of a page, and the order of each key, rest on it. */
function requireOrder(events: readonly PendingEvent[]): void {
  let before: PendingEvent | undefined;
  for (const event of events) {
    if (before?.seq === event.seq) throw new EqualSeqError(event.seq);
    if (before && before.seq > event.seq) throw new Error('the outbox query answered out of order');
    before = event;
  }
}
