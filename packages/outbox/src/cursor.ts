/**
 * How far a partition is published.
 *
 * `snapshot` is a Postgres snapshot: every event whose transaction it sees is published. While a window too large for one page is
 * worked off, `page` says how far: of the events that `target` sees and `snapshot` does not, those up to `afterSeq` are published.
 * The target stays fixed until the window is done. Cutting a window anywhere but by `seq` would break the order per order.
 */
export interface Cursor {
  readonly snapshot: string;
  /**
   * A time of the database, in milliseconds: whatever was committed before it is seen by the snapshot. Known of snapshots that this
   * process took, and never stored.
   */
  readonly takenAtMs?: number | undefined;
  readonly page?: CursorPage;
}

export interface CursorPage {
  readonly target: string;
  /** As `takenAtMs`, of the target. */
  readonly targetTakenAtMs?: number | undefined;
  readonly afterSeq: bigint;
  /** Highest `seq` of the window: the last page need not look beyond it. */
  readonly endSeq: bigint;
}

/** Nothing is published: the first transaction id that Postgres gives away is 3, and this snapshot sees none. */
export const CURSOR_AT_START: Cursor = { snapshot: '3:3:' };

/** Equal for cursors that read the same rows, so that their partitions can share one query. */
export function cursorKey(cursor: Cursor): string {
  return cursor.page
    ? `${cursor.snapshot}/${cursor.page.target}/${cursor.page.afterSeq}-${cursor.page.endSeq}`
    : cursor.snapshot;
}

/**
 * Splits the text form of a pg_snapshot, `xmin:xmax:xip,xip,…`: `xmax` is the first transaction id not yet given away, `inProgress`
 * are those below it that had not ended.
 */
export function parseSnapshot(text: string): { xmax: string; inProgress: string[] } {
  const match = /^\d+:(\d+):([\d,]*)$/.exec(text);
  if (!match?.[1]) throw new Error(`not a pg_snapshot: ${text}`);
  return { xmax: match[1], inProgress: match[2] ? match[2].split(',') : [] };
}
