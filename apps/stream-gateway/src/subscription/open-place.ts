import type { CommittedOffset, LogOffsets } from '@order-events/messaging';

/**
 * Where a subscription stands in a partition that Kafka could not be asked about when its place was chosen: at a time of the log, 0 for
 * the oldest record. It is committed as offset 0, with the time behind the filter in the metadata, and becomes an offset as soon as
 * Kafka can be asked: by then nothing of the partition has been sent. What an operator has written there with a tool of Kafka is none.
 */
const OPEN = /^(f1:[\w-]+|)@(\d{1,16})$/;

const openMetadata = (filter: string, logTimeMs: number) => `${filter}@${logTimeMs}`;

/** A place in all partitions. */
export interface SubscriptionPlace {
  /** Undefined where it is open. */
  readonly next: LogOffsets;
  /** Where it is open, the place is at this time. */
  readonly logTimeMs: number;
}

/** What is committed for a place. */
export function toCommit(
  { next, logTimeMs }: SubscriptionPlace,
  filter: string,
): ReadonlyMap<number, CommittedOffset> {
  const open = { offset: 0n, metadata: openMetadata(filter, logTimeMs) };
  return new Map(
    next.map((offset, partition) => [partition, offset === undefined ? open : { offset, metadata: filter }]),
  );
}

/** The filter that the metadata of a commit names. */
export function filterOf(metadata: string): string {
  return OPEN.exec(metadata)?.[1] ?? metadata;
}

/** The same place, open or not, of a subscription that has another filter. */
export function withFilter({ offset, metadata }: CommittedOffset, filter: string): string {
  const timeMs = openTimeMs({ offset, metadata });
  return timeMs === undefined ? filter : openMetadata(filter, timeMs);
}

/** At which time the place is open; undefined where it is an offset. */
export function openTimeMs({ metadata }: CommittedOffset): number | undefined {
  const time = OPEN.exec(metadata)?.[2];
  return time === undefined ? undefined : Number(time);
}
