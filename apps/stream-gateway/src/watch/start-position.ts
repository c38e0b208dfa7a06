import type { LogReader, PartitionPositions } from '@order-events/messaging';
import type { OrderLogView } from '../log/order-log.ts';
import { StreamError } from '../stream-error.ts';
import type { Cursor } from './event-batch.ts';
import { decodeResumeToken, encodeResumeToken, type ResumePoint } from './resume-token.ts';

/** Where a client asks to start. */
export type StartPosition =
  | { readonly kind: 'latest' }
  | { readonly kind: 'earliest' }
  | { readonly kind: 'log time'; readonly logTimeMs: number }
  | {
      readonly kind: 'token';
      readonly token: string;
      /** Path of the token in the request; start.resume_token when it is left out. */
      readonly field?: string;
    };

export interface Located {
  readonly cursor: Cursor;
  /** Set when the point is not in the log any more and the client allows a gap. */
  readonly gap?: { readonly fromToken: string; readonly missedEvents: bigint };
}

type LogEdges = Pick<OrderLogView, 'topic' | 'floor' | 'end'>;

/** How far this process's clock may be ahead of the one that stamps the log. */
const CLOCK_MARGIN_MS = 10_000;

/**
 * What a start stands for, without asking Kafka. "Latest" is where the log ended when it was last read, so that nothing that is
 * appended after the registration is missed; before the log was ever read it is a time, with a margin for clocks that differ.
 * Throws a StreamError for a malformed token.
 */
export function startPoint(start: StartPosition, log: LogEdges, nowMs: number): ResumePoint {
  switch (start.kind) {
    case 'latest':
      return endOfLog(log) ?? { kind: 'log time', logTimeMs: Math.max(0, nowMs - CLOCK_MARGIN_MS) };
    case 'earliest':
      return { kind: 'log time', logTimeMs: 0 };
    case 'log time':
      return start;
    case 'token':
      return decodeResumeToken(start.token, start.field);
  }
}

function endOfLog(log: LogEdges): ResumePoint | undefined {
  const topic = log.topic();
  if (!topic) return undefined;
  const next = Array.from({ length: topic.partitionCount }, (_, partition) => log.end(partition));
  return { kind: 'offsets', topicId: topic.id, next };
}

/**
 * The cursor of a point that lies between the floor of the ring and the end of the log in every partition; undefined for any other,
 * for which Kafka must be asked. Partitions that the point does not name were added after it was taken: they start at 0.
 */
export function locateInRing(point: ResumePoint, log: LogEdges): Cursor | undefined {
  const topic = log.topic();
  if (point.kind !== 'offsets' || point.topicId !== topic?.id) return undefined;
  if (point.next.length > topic.partitionCount) return undefined;
  const cursor = Array.from({ length: topic.partitionCount }, (_, partition) => point.next[partition] ?? 0n);
  const isInRing = cursor.every(
    (offset, partition) => offset >= log.floor(partition) && offset <= log.end(partition),
  );
  return isInRing ? cursor : undefined;
}

/**
 * The cursor of any point, by the present ends of the log. A point outside the log is a StreamError (foreign, expired or ahead), or,
 * when a gap is allowed, the oldest record of each partition concerned. Rejects when Kafka cannot be asked.
 */
export async function locateInLog(
  point: ResumePoint,
  topicId: string,
  reader: Pick<LogReader, 'offsets'>,
  allowGap: boolean,
  signal?: AbortSignal,
): Promise<Located> {
  if (point.kind === 'log time') {
    const at = point.logTimeMs === 0 ? 'earliest' : { timestampMs: point.logTimeMs };
    return { cursor: byPartition(await reader.offsets(at, undefined, signal)) };
  }
  const earliest = byPartition(await reader.offsets('earliest', undefined, signal));
  const latest = byPartition(await reader.offsets('latest', undefined, signal));
  return fitToLog(point, { topicId, earliest, latest }, allowGap);
}

interface LogRange {
  readonly topicId: string;
  readonly earliest: readonly bigint[];
  readonly latest: readonly bigint[];
}

function fitToLog(
  point: Extract<ResumePoint, { kind: 'offsets' }>,
  log: LogRange,
  allowGap: boolean,
): Located {
  const fromToken = encodeResumeToken(point);
  const problem = problemOf(point, log);
  if (!problem) return { cursor: log.latest.map((_, partition) => point.next[partition] ?? 0n) };
  if (!allowGap) throw new StreamError(problem.reason, problem.message, { details: rangeTokens(log) });
  let missedEvents = 0n;
  const cursor = log.earliest.map((first, partition) => {
    const next = point.next[partition] ?? 0n;
    // Where the log was replaced or truncated, nobody knows what the client has not seen of it: all of it.
    if (problem.reason === 'RESUME_TOKEN_FOREIGN' || next > (log.latest[partition] ?? 0n)) return first;
    if (next >= first) return next;
    missedEvents += first - next;
    return first;
  });
  return { cursor, gap: { fromToken, missedEvents } };
}

function problemOf(
  point: Extract<ResumePoint, { kind: 'offsets' }>,
  { topicId, earliest, latest }: LogRange,
): { reason: StreamError['reason']; message: string } | undefined {
  if (point.topicId !== topicId || point.next.length > latest.length) {
    return {
      reason: 'RESUME_TOKEN_FOREIGN',
      message: 'the resume token is of another topic: this one was created after it',
    };
  }
  if (latest.some((end, partition) => (point.next[partition] ?? 0n) > end)) {
    return {
      reason: 'RESUME_TOKEN_AHEAD',
      message: 'the resume token is beyond the end of the log: the log was truncated',
    };
  }
  if (earliest.some((first, partition) => (point.next[partition] ?? 0n) < first)) {
    return {
      reason: 'RESUME_TOKEN_EXPIRED',
      message:
        'the resume token is older than the retained log: take up at earliest_token, or set allow_gap to be told what was missed',
    };
  }
  return undefined;
}

/** Tokens of both ends, by their names in error details. */
function rangeTokens({ topicId, earliest, latest }: LogRange): Record<string, string> {
  return {
    earliest_token: encodeResumeToken({ kind: 'offsets', topicId, next: earliest }),
    latest_token: encodeResumeToken({ kind: 'offsets', topicId, next: latest }),
  };
}

/** Offsets in the order of the partitions, whose numbers have no gaps. */
export function byPartition(positions: PartitionPositions): bigint[] {
  return Array.from({ length: positions.size }, (_, partition) => positions.get(partition) ?? 0n);
}
