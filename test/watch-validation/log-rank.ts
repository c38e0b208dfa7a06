import { decodeToken } from './token-position.ts';
import type { LoggedEvent, TopicLog } from './topic-log.ts';

/** By partition, how many order events of the log a position has passed. Offsets between two events are the same rank. */
export type LogRanks = readonly number[];

/** Where a resume token stands in the log. */
export function ranksOf(token: string, log: TopicLog): LogRanks {
  const position = decodeToken(token);
  return log.partitions.map((events, partition) => {
    if (position.kind === 'log time') {
      return countWhile(events, ({ timestampMs }) => timestampMs < position.logTimeMs);
    }
    // Partitions that the token does not name were added after it.
    const next = position.next[partition] ?? 0n;
    return countWhile(events, ({ offset }) => offset < next);
  });
}

/** The place of an event; undefined when the log does not hold it. */
export function rankOf(
  log: TopicLog,
  { partition, offset }: { readonly partition: number; readonly offset: bigint },
): number | undefined {
  const events = log.partitions[partition] ?? [];
  const rank = countWhile(events, (event) => event.offset < offset);
  return events[rank]?.offset === offset ? rank : undefined;
}

/** How many events at the front of a sorted list are of a kind that only its front has. */
function countWhile(events: readonly LoggedEvent[], isBefore: (event: LoggedEvent) => boolean): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const event = events[middle];
    if (event && isBefore(event)) low = middle + 1;
    else high = middle;
  }
  return low;
}
