import { parseSnapshot } from '../cursor.ts';
import type { CursorGroup, OutboxQuery, PageLimits } from './outbox-query.ts';
import { TAKEN_AT_MS } from './taken-at.ts';
import { type OutboxRow, pendingEvent } from './outbox-row.ts';
import type { PendingEvent } from '../pending-event.ts';

/** What a window holds that is small enough to be read in one go. */
export interface NearLook {
  readonly snapshot: string;
  /** See Cursor. */
  readonly takenAtMs: number;
  /** Of the group's partitions, in `seq` order. */
  readonly events: readonly PendingEvent[];
}

/** A window with more rows is worked off in pages. */
const MAX_ROWS = 200;

/**
 * The look of a relay that keeps up, which costs Postgres little more than the round trip: the rows of transactions that began after the
 * cursor, and of those that were in progress there and have ended. No rows are sorted, counted or measured on the server, and the
 * second branch is asked only when there is somebody to ask for: each branch opens an index of every day.
 */
export function buildNearLook(
  { cursor, partitions }: CursorGroup,
  partitionCount: number,
  limits: PageLimits,
): OutboxQuery {
  const { xmax, inProgress } = parseSnapshot(cursor.snapshot);
  const maxRows = nearRows(limits);
  const values = [
    partitionCount,
    `{${partitions.join(',')}}`,
    Math.floor(limits.bytes / maxRows),
    maxRows + 1,
    xmax,
  ];
  const later = branch('xid >= $5::xid8');
  if (inProgress.length === 0) return { name: 'outbox_near', text: `${HEADER} UNION ALL ${later}`, values };
  return {
    name: 'outbox_near_ended',
    text: `${HEADER} UNION ALL ${later} UNION ALL ${branch(`xid = ANY (ARRAY(${ENDED}))`)}`,
    values: [...values, cursor.snapshot],
  };
}

/** Undefined when the window is not small; then nothing of it was read. */
export function nearLook(
  [header, ...rows]: readonly OutboxRow[],
  { partitions }: CursorGroup,
  limits: PageLimits,
): NearLook | undefined {
  const snapshot = header?.[1];
  const takenAtMs = header?.[9];
  if (!snapshot || !takenAtMs) throw new Error('the outbox query answered without a header');
  if (rows.length > nearRows(limits)) return undefined;
  const wanted = new Set(partitions.map(String));
  const own = rows.filter(([, , , , partition]) => wanted.has(partition ?? ''));
  const isTooLarge = ([, , , , , , , , payload]: OutboxRow) => payload === null;
  if (own.some(isTooLarge)) return undefined;
  const events = own.map(pendingEvent).sort((one, other) => (one.seq < other.seq ? -1 : 1));
  return { snapshot, takenAtMs: Number(takenAtMs), events };
}

const nearRows = (limits: PageLimits): number => Math.min(limits.rows, MAX_ROWS);

/** The columns are those of a page, see outbox-row.ts. */
const HEADER = `SELECT 0 AS group_index, pg_current_snapshot()::text AS header, NULL::bigint, NULL::text, NULL::int, NULL::uuid, NULL::text, NULL::jsonb, NULL::text,
       ${TAKEN_AT_MS}`;

/**
 * Payloads of others, and large ones, stay where they are. Columns are computed above the tables: within, Postgres prepares each
 * expression once for each day, in every look.
 */
const branch = (condition: string): string =>
  `(SELECT 0, NULL, seq, key, key_hash % $1::int, event_id, event_type, headers,
           CASE WHEN key_hash % $1::int = ANY ($2::int[]) AND octet_length(payload) <= $3::int THEN payload END,
           date_part('epoch', created_at) * 1000
      FROM (SELECT seq, key, key_hash, event_id, event_type, headers, payload, created_at
              FROM outbox WHERE ${condition} LIMIT $4::int) AS found)`;

/** One probe for each transaction that has ended, not for each that is open. */
const ENDED = `SELECT open FROM pg_snapshot_xip($6::pg_snapshot) AS open
                WHERE pg_visible_in_snapshot(open, (SELECT pg_current_snapshot()))`;
