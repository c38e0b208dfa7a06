import type { Cursor } from './cursor.ts';

/**
 * Where a partition's next owner goes on. Every event that the topic holds and the cursor does not cover lies at `logOffset` or
 * after it, so reading the topic from there tells which events must not be published again.
 */
export interface Checkpoint {
  readonly cursor: Cursor;
  readonly logOffset: bigint;
}
