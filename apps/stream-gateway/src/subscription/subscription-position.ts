import type { CommittedOffset } from '@order-events/messaging';

/** Both ends of the log, by partition. */
export interface LogEnds {
  readonly earliest: readonly bigint[];
  readonly latest: readonly bigint[];
}

/** Next offsets of all partitions: what is committed, and the oldest record where nothing is. */
export function committedPosition(
  committed: ReadonlyMap<number, CommittedOffset>,
  { earliest }: LogEnds,
): bigint[] {
  return earliest.map((oldest, partition) => committed.get(partition)?.offset ?? oldest);
}

/** Records after a position, as Kafka's tools count the lag: also those that the log does not hold any more. */
export function backlogAfter(position: readonly bigint[], { latest }: LogEnds): bigint {
  return position.reduce((sum, next, partition) => {
    const count = (latest[partition] ?? 0n) - next;
    return count > 0n ? sum + count : sum;
  }, 0n);
}
