import type { Pool } from 'pg';
import { type CursorPage, parseSnapshot } from '../cursor.ts';

/** Where a search for the ends of a window stands. */
interface SearchState {
  /** Transactions below this one are searched, those in progress at the cursor's snapshot included. */
  readonly fromXid: bigint;
  readonly firstSeq: bigint | undefined;
  readonly lastSeq: bigint | undefined;
  readonly stepRows: number;
}

export interface WindowSearch {
  readonly target: string;
  /** Of the target; see Cursor. */
  readonly takenAtMs: number;
  /** One step, of bounded cost. Answers with the first page once the window's ends are known, `empty` when it has no row. */
  step(): Promise<CursorPage | 'empty' | undefined>;
}

const FIRST_STEP_ROWS = 50_000;
/** Some 0.2 s; with a row limit and not a time limit, so that the statement's time-out never meets it. */
const LARGEST_STEP_ROWS = 500_000;

/**
 * Finds the lowest and the highest `seq` of a window that is too large for one page: of the rows of all transactions that `target` may
 * see and `snapshot` does not, by the index on xid. It goes step by step, so that neither a statement's time-out nor the partitions
 * whose pages are small have to wait for a backlog of hours. Rows that turn out not to belong to the window only make the ends wider.
 */
export function createWindowSearch(
  pool: Pool,
  snapshot: string,
  target: string,
  takenAtMs: number,
): WindowSearch {
  const since = parseSnapshot(snapshot);
  const endXid = BigInt(parseSnapshot(target).xmax);
  let state: SearchState | undefined;

  return {
    target,
    takenAtMs,
    async step() {
      state = await searchLater(pool, state ?? (await searchInProgress(pool, since)), endXid);
      if (state.fromXid < endXid) return undefined;
      const { firstSeq, lastSeq } = state;
      if (firstSeq === undefined || lastSeq === undefined) return 'empty';
      return { target, targetTakenAtMs: takenAtMs, afterSeq: firstSeq - 1n, endSeq: lastSeq };
    },
  };
}

interface Ends {
  first_seq: string | null;
  last_seq: string | null;
}

/** The rows of single transactions are read in one go: a few million fit into the time-out. */
async function endsOf(pool: Pool, xids: readonly string[]): Promise<Ends | undefined> {
  const { rows } = await pool.query<Ends>(
    `WITH own AS MATERIALIZED (SELECT seq FROM outbox WHERE xid = ANY($1::xid8[]))
     SELECT min(seq)::text AS first_seq, max(seq)::text AS last_seq FROM own`,
    [xids],
  );
  return rows[0];
}

async function searchInProgress(
  pool: Pool,
  since: { xmax: string; inProgress: string[] },
): Promise<SearchState> {
  const start = {
    fromXid: BigInt(since.xmax),
    firstSeq: undefined,
    lastSeq: undefined,
    stepRows: FIRST_STEP_ROWS,
  };
  return since.inProgress.length > 0 ? widened(start, await endsOf(pool, since.inProgress)) : start;
}

async function searchLater(pool: Pool, state: SearchState, endXid: bigint): Promise<SearchState> {
  const { rows } = await pool.query<Ends & { rows: string; last_xid: string | null }>(
    `WITH step AS MATERIALIZED (
       SELECT seq, xid FROM outbox WHERE xid >= $1::xid8 AND xid < $2::xid8 ORDER BY xid LIMIT $3)
     SELECT count(*)::text AS rows, max(xid)::text AS last_xid, min(seq)::text AS first_seq, max(seq)::text AS last_seq FROM step`,
    [String(state.fromXid), String(endXid), state.stepRows],
  );
  const step = rows[0];
  const stepRows = Math.min(state.stepRows * 2, LARGEST_STEP_ROWS);
  const next = { ...widened(state, step), stepRows };
  if (!step?.last_xid || Number(step.rows) < state.stepRows) return { ...next, fromXid: endXid };
  const lastXid = BigInt(step.last_xid);
  if (lastXid > state.fromXid) return { ...next, fromXid: lastXid };
  // The whole step is rows of one transaction, and it may have more.
  return { ...widened(next, await endsOf(pool, [step.last_xid])), fromXid: lastXid + 1n };
}

function widened(state: SearchState, found: Ends | undefined): SearchState {
  if (!found?.first_seq || !found.last_seq) return state;
  const first = BigInt(found.first_seq);
  const last = BigInt(found.last_seq);
  return {
    ...state,
    firstSeq: state.firstSeq === undefined || first < state.firstSeq ? first : state.firstSeq,
    lastSeq: state.lastSeq === undefined || last > state.lastSeq ? last : state.lastSeq,
  };
}
