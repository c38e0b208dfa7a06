import { type Checkpoint, type Cursor, remembered } from '@order-events/outbox';
import type { PartitionWriter } from '../publish/partition-writer.ts';

/**
 * The checkpoint of a cursor that everything is published up to. Among the former ones it is kept while nothing beyond it is published:
 * then a log that has its mark has all that it covers, and what the log holds behind the mark is all that it does not cover.
 */
export function nextCheckpoint(
  former: Checkpoint,
  cursor: Cursor,
  writer: Pick<PartitionWriter, 'logOffset' | 'mark' | 'isSettled'>,
  nowMs: number,
): Checkpoint {
  const { history = [] } = former;
  const present = { cursor, logOffset: writer.logOffset(), mark: writer.mark() };
  const { mark } = present;
  if (!mark || !writer.isSettled()) return { ...present, history };
  return { ...present, history: remembered(history, { ...present, mark, atMs: nowMs }) };
}
