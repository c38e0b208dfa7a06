import type { Checkpoint, FormerCheckpoint, LogMark } from '../checkpoint.ts';
import { cursorKey, type Cursor } from '../cursor.ts';
import { type CursorColumns, CURSOR_COLUMNS, storedCursor } from './cursor-row.ts';

/** A checkpoint as `relay_partition` has it. */
export interface CheckpointColumns extends CursorColumns {
  log_offset: string | bigint;
  log_mark?: StoredMark | null;
  log_history?: readonly StoredFormer[] | null;
}

interface StoredPlace {
  readonly topicId: string;
  readonly offset?: string;
  readonly eventId?: string;
}

/** `of`: the checkpoint that it belongs to. Who does not know the column moves the checkpoint, and leaves the mark. */
interface StoredMark extends StoredPlace {
  readonly of: string;
}

interface StoredFormer extends StoredPlace {
  readonly cursor: CursorColumns;
  readonly logOffset: string;
  readonly atMs: number;
}

/** SQL for these columns of a row of `relay_partition`. */
export const CHECKPOINT_COLUMNS = `${CURSOR_COLUMNS}, log_offset, log_mark, log_history`;

export function storedCheckpoint(row: CheckpointColumns): Checkpoint {
  const cursor = storedCursor(row);
  const logOffset = BigInt(row.log_offset);
  const { log_mark: mark, log_history: history } = row;
  if (!mark || mark.of !== stampOf(cursor, logOffset)) return { cursor, logOffset };
  return { cursor, logOffset, mark: markOf(mark), history: history?.map(formerOf) };
}

/** Values for `CHECKPOINT_ARRAYS`. */
export function checkpointArrays(checkpoints: readonly Checkpoint[]): unknown[] {
  const pages = checkpoints.map(({ cursor }) => cursor.page);
  return [
    checkpoints.map(({ cursor }) => cursor.snapshot),
    pages.map((page) => page?.target ?? null),
    pages.map((page) => page?.afterSeq ?? null),
    pages.map((page) => page?.endSeq ?? null),
    checkpoints.map(({ logOffset }) => logOffset),
    checkpoints.map(storedMark),
    checkpoints.map(({ mark, history }) =>
      mark && history ? JSON.stringify(history.map(storedFormer)) : null,
    ),
  ];
}

function storedMark({ cursor, logOffset, mark }: Checkpoint): string | null {
  return mark ? JSON.stringify({ ...storedPlace(mark), of: stampOf(cursor, logOffset) }) : null;
}

const stampOf = (cursor: Cursor, logOffset: bigint): string => `${cursorKey(cursor)} ${logOffset}`;

function storedPlace({ topicId, last }: LogMark): StoredPlace {
  return last ? { topicId, offset: String(last.offset), eventId: last.eventId } : { topicId };
}

function markOf({ topicId, offset, eventId }: StoredPlace): LogMark {
  if (offset === undefined || eventId === undefined) return { topicId };
  return { topicId, last: { offset: BigInt(offset), eventId } };
}

function storedFormer({ cursor, logOffset, mark, atMs }: FormerCheckpoint): StoredFormer {
  const { snapshot, page } = cursor;
  const columns = {
    cursor: snapshot,
    page_target: page?.target ?? null,
    page_seq: page ? String(page.afterSeq) : null,
    page_end: page ? String(page.endSeq) : null,
  };
  return { ...storedPlace(mark), cursor: columns, logOffset: String(logOffset), atMs };
}

function formerOf(stored: StoredFormer): FormerCheckpoint {
  const { cursor, logOffset, atMs } = stored;
  return { cursor: storedCursor(cursor), logOffset: BigInt(logOffset), mark: markOf(stored), atMs };
}
