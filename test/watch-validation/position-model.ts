import { Status } from 'nice-grpc-common';
import { decodeToken, type TokenPosition } from './token-position.ts';
import { isSelected, type OrderSelection, type TopicLog } from './topic-log.ts';

/** What Kafka says that a topic holds: first offset and the one after the last, by partition. */
export interface LogRange {
  readonly topicId: string;
  readonly earliest: readonly bigint[];
  readonly latest: readonly bigint[];
}

/** What the contract promises to who asks to start somewhere. */
export type Outcome =
  | { readonly refused: Status; readonly reason: string }
  /** `missed` is what a gap tells; undefined when none is told. */
  | { readonly from: readonly bigint[]; readonly missed?: bigint };

/**
 * The contract of resume tokens of offsets, and of what is no token, for a gateway that has just started, so that its memory reaches
 * no further back than the log.
 */
export function outcomeOf(token: string, range: LogRange, allowGap: boolean): Outcome {
  const position = decoded(token);
  if (position?.kind !== 'offsets')
    return { refused: Status.INVALID_ARGUMENT, reason: 'RESUME_TOKEN_MALFORMED' };
  const next = range.latest.map((_, partition) => position.next[partition] ?? 0n);
  const isForeign = position.topicId !== range.topicId || position.next.length > next.length;
  const isAhead = (partition: number) => next[partition]! > range.latest[partition]!;
  const isExpired = (partition: number) => next[partition]! < range.earliest[partition]!;
  const partitions = [...next.keys()];
  const problem = isForeign
    ? { refused: Status.FAILED_PRECONDITION, reason: 'RESUME_TOKEN_FOREIGN' }
    : partitions.some(isAhead)
      ? { refused: Status.OUT_OF_RANGE, reason: 'RESUME_TOKEN_AHEAD' }
      : partitions.some(isExpired)
        ? { refused: Status.OUT_OF_RANGE, reason: 'RESUME_TOKEN_EXPIRED' }
        : undefined;
  if (!problem) return { from: next };
  if (!allowGap) return problem;
  const startsOver = (partition: number) => isForeign || isAhead(partition) || isExpired(partition);
  return {
    from: next.map((offset, partition) => (startsOver(partition) ? range.earliest[partition]! : offset)),
    missed: partitions
      .filter((partition) => !isForeign && isExpired(partition))
      .reduce((sum, partition) => sum + range.earliest[partition]! - next[partition]!, 0n),
  };
}

/** Ids of the events that match from a position on, by partition. */
export function eventsFrom(log: TopicLog, from: readonly bigint[], filter: OrderSelection): string[][] {
  return log.partitions.map((events, partition) =>
    events
      .filter((event) => event.offset >= from[partition]! && isSelected(filter, event))
      .map(({ eventId }) => eventId),
  );
}

function decoded(token: string): TokenPosition | undefined {
  try {
    return decodeToken(token);
  } catch {
    return undefined;
  }
}
