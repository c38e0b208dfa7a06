import type { CommittedOffset, LogEnds, LogOffsets } from '@order-events/messaging';
import { openTimeMs, type SubscriptionPlace } from './open-place.ts';

/** What is committed, and the oldest record where nothing is: open, where nobody can say which that is. */
export function committedPosition(
  committed: ReadonlyMap<number, CommittedOffset>,
  { earliest }: Pick<LogEnds, 'earliest'>,
): SubscriptionPlace {
  // A partition may have been added, and committed, after the ends were asked for.
  const count = Math.max(earliest.length, ...[...committed.keys()].map((partition) => partition + 1));
  const times: number[] = [];
  const next = Array.from({ length: count }, (_, partition) => {
    const found = committed.get(partition);
    const first = partition < earliest.length ? earliest[partition] : 0n;
    const timeMs = found ? openTimeMs(found) : first === undefined ? 0 : undefined;
    if (timeMs === undefined) return found?.offset ?? first;
    times.push(timeMs);
    return undefined;
  });
  return { next, logTimeMs: times.length > 0 ? Math.min(...times) : 0 };
}

/**
 * Records after a position, as Kafka's tools count the lag: also those that the log does not hold any more. Of the partitions where both
 * the position and the end are known.
 */
export function backlogAfter(position: LogOffsets, { latest }: Pick<LogEnds, 'latest'>): bigint {
  return position.reduce<bigint>((sum, next, partition) => {
    const end = latest[partition];
    const count = next === undefined || end === undefined ? 0n : end - next;
    return count > 0n ? sum + count : sum;
  }, 0n);
}
