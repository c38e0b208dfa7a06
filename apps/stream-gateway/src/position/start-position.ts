import type { LogEnds, LogOffsets, LogPlace, LogReader } from '@order-events/messaging';
import { sleep } from '@order-events/runtime';
import type { OrderLogView } from '../log/order-log.ts';
import { StreamError } from '../stream/stream-error.ts';
import { decodeResumeToken, encodeResumeToken, type ResumePoint, resumePoint } from './resume-token.ts';

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
  readonly topicId: string;
  /** Undefined where Kafka could not be asked, and the point has no offset: there it stands at `logTimeMs`. */
  readonly cursor: LogOffsets;
  readonly logTimeMs: number;
  /** Partitions that Kafka could not be asked about: what the cursor has of them is as it was, and has yet to be fitted to the log. */
  readonly unasked: ReadonlySet<number>;
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
      return endOfLog(log, latestTimeMs(nowMs)) ?? { kind: 'log time', logTimeMs: latestTimeMs(nowMs) };
    case 'earliest':
      return { kind: 'log time', logTimeMs: 0 };
    case 'log time':
      return start;
    case 'token':
      return decodeResumeToken(start.token, start.field);
  }
}

/** A time of the log that is not after the present one, whichever clock stamps the log. */
export function latestTimeMs(nowMs: number): number {
  return Math.max(0, nowMs - CLOCK_MARGIN_MS);
}

function endOfLog(log: LogEdges, logTimeMs: number): ResumePoint | undefined {
  const topic = log.topic();
  if (!topic) return undefined;
  const next = Array.from({ length: topic.partitionCount }, (_, partition) => log.end(partition));
  return resumePoint(topic.id, next, logTimeMs);
}

/**
 * The cursor of a point that lies between the floor of the ring and the end of the log in every partition; undefined for any other,
 * for which Kafka must be asked. Partitions that the point does not name were added after it was taken: they start at 0.
 */
export function locateInRing(point: ResumePoint, log: LogEdges): readonly bigint[] | undefined {
  const topic = log.topic();
  if (point.kind !== 'offsets' || point.topicId !== topic?.id) return undefined;
  if (point.next.length > topic.partitionCount) return undefined;
  const cursor = Array.from({ length: topic.partitionCount }, (_, partition) => point.next[partition] ?? 0n);
  const isInRing = cursor.every((offset, partition) => {
    const end = log.end(partition);
    return end !== undefined && offset >= log.floor(partition) && offset <= end;
  });
  return isInRing ? cursor : undefined;
}

/** A broker hears of new partitions a moment after another. */
const LOOK_AGAIN_MS = 3_000;
const LOOK_INTERVAL_MS = 100;

export interface LocateOptions {
  readonly allowGap: boolean;
  /** Partitions that are known to have lost what was before the point, whatever they have there by now. */
  readonly cut?: ReadonlySet<number>;
}

/**
 * The cursor of any point, by the ends that the log has after the call: it is refused by no older knowledge. A point outside the log
 * is a StreamError (foreign, expired or ahead), or, when a gap is allowed, the oldest record of each partition concerned. Partitions that
 * Kafka cannot be asked about are left as they are in the point. Rejects when it cannot be asked about any.
 */
export async function locateInLog(
  point: ResumePoint,
  reader: Pick<LogReader, 'ends' | 'place'>,
  { allowGap, cut = new Set() }: LocateOptions,
  signal?: AbortSignal,
): Promise<Located> {
  const untilMs = performance.now() + LOOK_AGAIN_MS;
  for (;;) {
    const timed = await placeInTime(point, reader, signal);
    if (timed && point.kind === 'log time')
      return locatedAt(timed.topicId, timed.next, timed.next, point.logTimeMs);
    const ends = await reader.ends(signal);
    if (point.kind === 'log time') return locatedAt(ends.topicId, ends.earliest, ends.earliest, 0);
    const isOfMorePartitions = point.topicId === ends.topicId && point.next.length > ends.latest.length;
    const isOfOneLog = !timed || timed.topicId === ends.topicId;
    const isAnswered = isOfOneLog && !isOfMorePartitions;
    if (isAnswered || performance.now() > untilMs)
      return fitToLog(point, ends, timed?.next, { allowGap, cut });
    await sleep(LOOK_INTERVAL_MS, signal);
  }
}

/** Where a point stands that has no offsets, or not all; undefined when that is the oldest record, or nowhere. */
async function placeInTime(
  point: ResumePoint,
  reader: Pick<LogReader, 'place'>,
  signal?: AbortSignal,
): Promise<LogPlace | undefined> {
  if (point.kind === 'offsets' || point.logTimeMs === 0) return undefined;
  return reader.place({ timestampMs: point.logTimeMs }, signal);
}

type OffsetPoint = Exclude<ResumePoint, { kind: 'log time' }>;

function fitToLog(
  point: OffsetPoint,
  log: LogEnds,
  atTime: LogOffsets | undefined,
  { allowGap, cut }: Required<LocateOptions>,
): Located {
  const { topicId, earliest } = log;
  const fromToken = encodeResumeToken(point);
  const problem = problemOf(point, log, cut);
  const logTimeMs = point.kind === 'offsets' ? 0 : point.logTimeMs;
  const placed = earliest.map((first, each) => offsetAt(point, each) ?? (atTime ? atTime[each] : first));
  if (!problem) return locatedAt(topicId, placed, earliest, logTimeMs);
  if (!allowGap) throw new StreamError(problem.reason, problem.message, { details: rangeTokens(log) });
  // Where the log was replaced, nobody knows what the client has not seen of it: all of it.
  if (problem.reason === 'RESUME_TOKEN_FOREIGN') {
    return { ...locatedAt(topicId, earliest, earliest, 0), gap: { fromToken, missedEvents: 0n } };
  }
  let missedEvents = 0n;
  const cursor = placed.map((next, partition) => {
    const [first, end] = [earliest[partition], log.latest[partition]];
    if (next === undefined || first === undefined || end === undefined) return next;
    // The same where it was truncated.
    if (next > end || cut.has(partition)) return first;
    if (next >= first) return next;
    missedEvents += first - next;
    return first;
  });
  return { ...locatedAt(topicId, cursor, earliest, logTimeMs), gap: { fromToken, missedEvents } };
}

/** `answers` has an offset of every partition that Kafka could be asked about. */
function locatedAt(topicId: string, cursor: LogOffsets, answers: LogOffsets, logTimeMs: number): Located {
  const open = cursor.flatMap((offset, each) =>
    offset === undefined || answers[each] === undefined ? [each] : [],
  );
  return { topicId, cursor, logTimeMs, unasked: new Set(open) };
}

/** Partitions that a point does not name were added after it was taken: they start at 0. Undefined: at a time. */
function offsetAt({ next }: OffsetPoint, partition: number): bigint | undefined {
  return partition < next.length ? next[partition] : 0n;
}

function problemOf(
  point: OffsetPoint,
  { topicId, earliest, latest }: LogEnds,
  cut: ReadonlySet<number>,
): { reason: StreamError['reason']; message: string } | undefined {
  if (point.topicId !== topicId || point.next.length > latest.length) {
    return {
      reason: 'RESUME_TOKEN_FOREIGN',
      message: 'the resume token is of another topic: this one was created after it',
    };
  }
  const isAt = (partition: number, place: (offset: bigint) => boolean) => {
    const offset = offsetAt(point, partition);
    return offset !== undefined && place(offset);
  };
  const isBeyond = (end: bigint, each: number) => cut.has(each) || isAt(each, (offset) => offset > end);
  if (latest.some((end, each) => end !== undefined && isBeyond(end, each))) {
    return {
      reason: 'RESUME_TOKEN_AHEAD',
      message: 'the resume token is beyond the end of the log: the log was truncated',
    };
  }
  if (earliest.some((first, each) => first !== undefined && isAt(each, (offset) => offset < first))) {
    return {
      reason: 'RESUME_TOKEN_EXPIRED',
      message:
        'the resume token is older than the retained log: take up at earliest_token, or set allow_gap to be told what was missed',
    };
  }
  return undefined;
}

/** Tokens of both ends, by their names in error details. */
function rangeTokens({ topicId, earliest, latest }: LogEnds): Record<string, string> {
  return {
    earliest_token: encodeResumeToken(resumePoint(topicId, earliest, 0)),
    latest_token: encodeResumeToken(resumePoint(topicId, latest, latestTimeMs(Date.now()))),
  };
}
