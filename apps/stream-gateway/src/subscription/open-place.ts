import type { CommittedOffset, LogOffsets } from '@order-events/messaging';

/**
 * Where a subscription stands in a partition that Kafka could not be asked about when its place was chosen: at a time of the log, 0 for
 * the oldest record. It is committed as offset 0, with the time behind the filter in the metadata, and becomes an offset as soon as
 * Kafka can be asked: by then nothing of the partition has been sent. What an operator has written there with a tool of Kafka is none.
 */
const OPEN = /^(f1:[\w-]+|)@(\d{1,16})$/;

/** Behind the filter as well: the lowest offset of an event that may be held. Older gateways take it for another filter, as they must not pass held orders by. */
const HELD = /^(f1:[\w-]+|)\+(\d{1,19})$/;

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
  return (OPEN.exec(metadata) ?? HELD.exec(metadata))?.[1] ?? metadata;
}

/** What is committed where something may be held: `lowest` is the lowest offset of it. */
export function heldMetadata(filter: string, lowest: bigint | undefined): string {
  return lowest === undefined ? filter : `${filter}+${lowest}`;
}

/** The lowest offset that may be held; undefined where nothing is. */
export function lowestHeld({ metadata }: CommittedOffset): bigint | undefined {
  const lowest = HELD.exec(metadata)?.[2];
  return lowest === undefined ? undefined : BigInt(lowest);
}

/** The same place, open or not, of a subscription that has another filter. */
export function withFilter({ offset, metadata }: CommittedOffset, filter: string): string {
  const timeMs = openTimeMs({ offset, metadata });
  const held = lowestHeld({ offset, metadata });
  if (held !== undefined) return heldMetadata(filter, held);
  return timeMs === undefined ? filter : openMetadata(filter, timeMs);
}

/** At which time the place is open; undefined where it is an offset. */
export function openTimeMs({ metadata }: CommittedOffset): number | undefined {
  const time = OPEN.exec(metadata)?.[2];
  return time === undefined ? undefined : Number(time);
}
