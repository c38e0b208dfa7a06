import { type Cursor, cursorKey, parseSnapshot } from '../cursor.ts';
import type { Queries } from '../queries.ts';

/** A partition and the cursor that is stored for it. */
export interface StoredCursor {
  readonly partition: number;
  readonly cursor: Cursor;
}

/** What is committed and not covered by a stored cursor. */
export interface PendingEvents {
  readonly events: number;
  readonly oldestAgeSeconds: number;
  /** Counting stopped at the limit; `events` is partly estimated. */
  readonly estimated: boolean;
}

const NOTHING: PendingEvents = { events: 0, oldestAgeSeconds: 0, estimated: false };

interface ScanRow {
  scan: number;
  /** Null in the row that tells about the whole scan. */
  partition: number | null;
  events: bigint | string;
  walked: bigint | string;
  last_seq: bigint | string | null;
  age: string | null;
  newest_seq: bigint | string;
}

/** One walk along an index, bounded in rows, for all partitions that stand at the same place. */
interface Scan {
  readonly partitions: readonly number[];
  readonly from: string;
  readonly condition: string;
  /** Where the rows end; undefined: at the newest event. */
  readonly endSeq: bigint | undefined;
}

/**
 * Measures what is pending per partition, in one statement that walks at most about `maxRows` rows, however large the backlog is. Beyond
 * that the count is an estimate: the sequence tells how many events follow the last row walked, and the rows walked tell how they are
 * shared out. The age is that of the oldest row walked, in the order in which transactions began.
 */
export async function measurePending(
  queries: Queries,
  stored: readonly StoredCursor[],
  partitionCount: number,
  maxRows: number,
): Promise<Map<number, PendingEvents>> {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const scans = [...Map.groupBy(stored, ({ cursor }) => cursorKey(cursor)).values()].flatMap((members) =>
    scansOf(members, parameter),
  );
  const pending = new Map(stored.map(({ partition }) => [partition, NOTHING]));
  if (scans.length === 0) return pending;
  const limit = Math.max(100, Math.floor(maxRows / scans.length));
  const { rows } = await queries.query<ScanRow>(scanQuery(scans, partitionCount, limit, parameter), values);
  scans.forEach((scan, index) => {
    const own = rows.filter((row) => row.scan === index);
    const whole = own.find((row) => row.partition === null);
    const walked = Number(whole?.walked ?? 0);
    const cutOff = walked >= limit;
    const rest = cutOff ? eventsAfter(whole, scan.endSeq) : 0;
    for (const row of own) {
      if (row.partition === null || !scan.partitions.includes(row.partition)) continue;
      const counted = Number(row.events);
      const before = pending.get(row.partition) ?? NOTHING;
      pending.set(row.partition, {
        events: before.events + counted + Math.round((rest * counted) / walked),
        oldestAgeSeconds: Math.max(before.oldestAgeSeconds, Number(row.age)),
        estimated: before.estimated || cutOff,
      });
    }
    if (cutOff) for (const partition of scan.partitions) markEstimated(pending, partition);
  });
  return pending;
}

/** A partition of which no row was walked is estimated too. */
function markEstimated(pending: Map<number, PendingEvents>, partition: number): void {
  pending.set(partition, { ...(pending.get(partition) ?? NOTHING), estimated: true });
}

function eventsAfter(whole: ScanRow | undefined, endSeq: bigint | undefined): number {
  if (!whole?.last_seq) return 0;
  const rest = (endSeq ?? BigInt(whole.newest_seq)) - BigInt(whole.last_seq);
  return rest > 0n ? Number(rest) : 0;
}

/** Between windows: what the snapshot does not see. Within one: the rest of its pages, and what the target does not see. */
function scansOf(members: readonly StoredCursor[], parameter: (value: unknown) => string): Scan[] {
  const partitions = members.map(({ partition }) => partition);
  const [first] = members;
  if (!first) return [];
  const { snapshot, page } = first.cursor;
  const { xmax, inProgress } = parseSnapshot(page?.target ?? snapshot);
  const scan = (from: string, condition = 'true', endSeq?: bigint): Scan => ({
    partitions,
    from,
    condition,
    endSeq,
  });
  const scans = [scan(`WHERE xid >= ${parameter(xmax)}::xid8 ORDER BY xid`)];
  if (inProgress.length > 0) {
    scans.push(scan(`WHERE xid = ANY(${parameter(inProgress)}::xid8[]) ORDER BY xid`));
  }
  if (page) {
    const range = `seq > ${parameter(page.afterSeq)}::bigint AND seq <= ${parameter(page.endSeq)}::bigint`;
    const inWindow = `pg_visible_in_snapshot(xid, ${parameter(page.target)}::pg_snapshot)
      AND NOT pg_visible_in_snapshot(xid, ${parameter(snapshot)}::pg_snapshot)`;
    scans.push(scan(`WHERE ${range} ORDER BY seq`, inWindow, page.endSeq));
  }
  return scans;
}

function scanQuery(
  scans: readonly Scan[],
  partitionCount: number,
  limit: number,
  parameter: (value: unknown) => string,
): string {
  const count = `${parameter(partitionCount)}::int`;
  const branches = scans.map(({ from, condition, partitions }, index) => {
    const mine = `${condition} AND key_hash % ${count} = ANY(${parameter(partitions)}::int[])`;
    return `(WITH walked AS MATERIALIZED (SELECT seq, xid, key_hash, created_at FROM outbox ${from} LIMIT ${limit})
      SELECT ${index} AS scan, key_hash % ${count} AS partition, count(*) FILTER (WHERE ${mine}) AS events, count(*) AS walked,
        max(seq) AS last_seq, extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE ${mine})) AS age,
        (SELECT last_value FROM outbox_seq) AS newest_seq
      FROM walked GROUP BY GROUPING SETS ((), (key_hash % ${count})))`;
  });
  return branches.join('\nUNION ALL\n');
}
