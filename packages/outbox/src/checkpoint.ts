import type { Cursor } from './cursor.ts';

/**
 * Where a partition's next owner goes on. Every event that the topic holds and the cursor does not cover lies at `logOffset` or
 * after it, so reading the topic from there tells which events must not be published again.
 */
export interface Checkpoint {
  readonly cursor: Cursor;
  readonly logOffset: bigint;
  /** Every event that the cursor covers lies there or before. Undefined of a checkpoint that a former version stored. */
  readonly mark?: LogMark | undefined;
  /** Oldest first. Undefined: none is known. */
  readonly history?: readonly FormerCheckpoint[] | undefined;
}

/**
 * What a log is known by: one in which the event lies in its place has everything that came before, as a log loses its end only. Without an
 * event none was known to be in it.
 */
export interface LogMark {
  readonly topicId: string;
  readonly last?: { readonly offset: bigint; readonly eventId: string } | undefined;
}

/** A checkpoint that was, and what the log had then: every event that the cursor covers, and nothing else from `logOffset` on. */
export interface FormerCheckpoint {
  readonly cursor: Cursor;
  readonly logOffset: bigint;
  readonly mark: LogMark;
  /** By the clock of the relay. */
  readonly atMs: number;
}
