import { type Cursor, parseSnapshot } from '../cursor.ts';

/**
 * The database has given away fewer transaction ids than a cursor has seen: it was restored, or failed over to a server that lost
 * commits. Going on from such a cursor would skip every event whose transaction gets one of those ids again.
 */
export class CursorAheadError extends Error {
  override readonly name = 'CursorAheadError';
  readonly cursor: Cursor;
  /** The database's snapshot now. */
  readonly snapshot: string;

  constructor(cursor: Cursor, snapshot: string) {
    super(
      'a cursor is ahead of the database: the database was restored, or failed over to a server that lost commits; ' +
        '`outboxctl rebase` says from where to go on',
    );
    this.cursor = cursor;
    this.snapshot = snapshot;
  }
}

/** Throws a CursorAheadError when `cursor` has seen transactions that the database of `snapshot` has not begun. */
export function requireCursorNotAhead(cursor: Cursor, snapshot: string): void {
  const seen = parseSnapshot(cursor.page?.target ?? cursor.snapshot);
  if (BigInt(seen.xmax) > BigInt(parseSnapshot(snapshot).xmax)) throw new CursorAheadError(cursor, snapshot);
}
