import type { Cursor } from '../cursor.ts';

/** A cursor as `relay_partition` has it. */
export interface CursorColumns {
  cursor: string;
  page_target: string | null;
  page_seq: string | bigint | null;
  page_end: string | bigint | null;
}

/** SQL for these columns of a row of `relay_partition`. */
export const CURSOR_COLUMNS = 'cursor::text, page_target::text, page_seq, page_end';

export function storedCursor(row: CursorColumns): Cursor {
  if (row.page_target === null || row.page_seq === null || row.page_end === null) {
    return { snapshot: row.cursor };
  }
  const page = { target: row.page_target, afterSeq: BigInt(row.page_seq), endSeq: BigInt(row.page_end) };
  return { snapshot: row.cursor, page };
}
