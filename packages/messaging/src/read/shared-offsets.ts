import { abortable } from '../cluster/abortable.ts';
import type { LogReader } from './log-reader.ts';

type LogEnd = 'earliest' | 'latest';

interface Round {
  readonly partitions: Set<number>;
  readonly offsets: Promise<Map<number, bigint>>;
}

/**
 * An end of one partition's log. Partitions that are asked about in the same turn of the event loop share a request; when that
 * fails each asks alone, so that a partition without a leader fails nobody else.
 */
export function createSharedOffsets(
  reader: Pick<LogReader, 'offsets'>,
): (at: LogEnd, partition: number, signal: AbortSignal) => Promise<bigint> {
  const rounds = new Map<LogEnd, Round>();

  function openRound(at: LogEnd): Round {
    const partitions = new Set<number>();
    const offsets = new Promise((resolve) => setImmediate(resolve)).then(() => {
      rounds.delete(at);
      return reader.offsets(at, [...partitions]);
    });
    const round = { partitions, offsets };
    rounds.set(at, round);
    return round;
  }

  return async (at, partition, signal) => {
    const { partitions, offsets } = rounds.get(at) ?? openRound(at);
    partitions.add(partition);
    let found: Map<number, bigint>;
    try {
      found = await abortable(offsets, signal);
    } catch (error) {
      if (signal.aborted || partitions.size === 1) throw error;
      found = await reader.offsets(at, [partition], signal);
    }
    const offset = found.get(partition);
    if (offset === undefined) throw new Error(`the broker answered no offset for partition ${partition}`);
    return offset;
  };
}
