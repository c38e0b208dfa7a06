import { type Cursor, type CursorPage, parseSnapshot } from './cursor.ts';

/** Partitions that stand at the same cursor and therefore read the same rows. */
export interface CursorGroup {
  readonly cursor: Cursor;
  readonly partitions: readonly number[];
}

export interface PageLimits {
  readonly rows: number;
  /** Sum of payload bytes; a page holds at least one row, whatever its size. */
  readonly bytes: number;
}

export interface OutboxQuery {
  readonly text: string;
  readonly values: unknown[];
}

const COLUMNS = 'seq, xid, key, key_hash, event_id, event_type, headers, payload, created_at';

/**
 * Builds one statement that reads the next page of every group, all under one snapshot: groups that are done with their window
 * meet at that snapshot again and share a branch from then on.
 *
 * Each branch answers with a header row (`seq` is null: current snapshot, rows walked, rows found among them, highest seq walked) and
 * then its events in `seq` order. The shape of the plan is pinned by the materialized candidates: with stale statistics the planner would
 * rather walk the `seq` index and filter the whole table.
 */
export function buildOutboxQuery(
  groups: readonly CursorGroup[],
  partitionCount: number,
  limits: PageLimits,
): OutboxQuery {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const shared = {
    partitionCount: `${parameter(partitionCount)}::int`,
    rows: `${parameter(limits.rows)}::int`,
    bytes: `${parameter(limits.bytes)}::bigint`,
  };
  const candidates: string[] = [];
  const branches: string[] = [];
  groups.forEach((group, index) => {
    const mine = `key_hash % ${shared.partitionCount} = ANY(${parameter(group.partitions)}::int[])`;
    const { page } = group.cursor;
    const rows = page
      ? pageCandidates(group.cursor.snapshot, page, mine, shared.rows, parameter)
      : windowCandidates(group.cursor.snapshot, mine, shared.rows, parameter);
    candidates.push(`candidate_${index} AS MATERIALIZED (${rows})`);
    // Of a window with more rows than a page, the candidates are not the first by seq: only the header row is of use.
    const complete = page ? 'true' : `(SELECT count(*) FROM candidate_${index}) <= ${shared.rows}`;
    branches.push(branch(index, complete, shared));
  });
  return {
    text: `WITH ${candidates.join(',\n')}\n${branches.join('\nUNION ALL\n')}\nORDER BY 1, 6 NULLS FIRST`,
    values,
  };
}

/**
 * Events that the current snapshot sees and `snapshot` does not: of transactions that were in progress then, or began later.
 * One row more than a page holds tells that the window is too large. Both halves are ordered by xid so that the index on it serves
 * them and stops at the limit.
 */
function windowCandidates(
  snapshot: string,
  mine: string,
  rows: string,
  parameter: (value: unknown) => string,
): string {
  const { xmax, inProgress } = parseSnapshot(snapshot);
  const half = (condition: string) =>
    `(SELECT ${COLUMNS}, true AS mine FROM outbox WHERE ${condition} AND ${mine} ORDER BY xid LIMIT ${rows} + 1)`;
  const later = half(`xid >= ${parameter(xmax)}::xid8`);
  if (inProgress.length === 0) return later;
  return `${later} UNION ALL ${half(`xid = ANY(${parameter(inProgress)}::xid8[])`)}`;
}

/**
 * The next rows by `seq`, whether they belong to the window or not: walking the index on `seq` up to a limit is a plan that no
 * statistics can spoil. With the window's conditions in it the planner expects few rows, and reads and sorts all that is left of the
 * window for each page.
 */
function pageCandidates(
  snapshot: string,
  page: CursorPage,
  mine: string,
  rows: string,
  parameter: (value: unknown) => string,
): string {
  return `SELECT ${COLUMNS}, pg_visible_in_snapshot(xid, ${parameter(page.target)}::pg_snapshot)
        AND NOT pg_visible_in_snapshot(xid, ${parameter(snapshot)}::pg_snapshot) AND ${mine} AS mine
      FROM outbox WHERE seq > ${parameter(page.afterSeq)}::bigint ORDER BY seq LIMIT ${rows}`;
}

function branch(index: number, complete: string, shared: { partitionCount: string; bytes: string }): string {
  const candidate = `candidate_${index}`;
  return `SELECT ${index} AS branch, pg_current_snapshot()::text AS snapshot, count(*) AS walked, count(*) FILTER (WHERE mine) AS found,
      max(seq) AS last_seq, NULL::bigint AS seq, NULL::text AS key, NULL::int AS partition, NULL::uuid AS event_id,
      NULL::text AS event_type, NULL::jsonb AS headers, NULL::text AS payload, NULL::timestamptz AS created_at
    FROM ${candidate}
    UNION ALL
    SELECT ${index}, NULL, NULL, NULL, NULL, seq, key, key_hash % ${shared.partitionCount}, event_id, event_type, headers, payload, created_at
    FROM (SELECT *, sum(octet_length(payload)) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) - octet_length(payload) AS bytes_before
          FROM ${candidate} WHERE mine) AS page
    WHERE bytes_before < ${shared.bytes} AND ${complete}`;
}

/**
 * Builds the statement that measures a window too large for one page: lowest and highest `seq` of the events that `target` sees and
 * `snapshot` does not. It reads the whole window once, by the index on xid.
 */
export function buildWindowBoundsQuery(
  group: CursorGroup,
  target: string,
  partitionCount: number,
): OutboxQuery {
  const { xmax, inProgress } = parseSnapshot(group.cursor.snapshot);
  return {
    text: `WITH win AS MATERIALIZED (
        SELECT seq, xid, key_hash FROM outbox WHERE xid >= $1::xid8
        UNION ALL
        SELECT seq, xid, key_hash FROM outbox WHERE xid = ANY($2::xid8[])
      )
      SELECT min(seq) AS first_seq, max(seq) AS last_seq FROM win
      WHERE pg_visible_in_snapshot(xid, $3::pg_snapshot) AND key_hash % $4::int = ANY($5::int[])`,
    values: [xmax, inProgress, target, partitionCount, group.partitions],
  };
}
