import type { LogOffsets } from '@order-events/messaging';
import {
  decodeCheckedToken,
  decodeVarints,
  encodeCheckedToken,
  encodeVarint,
  MalformedTokenError,
} from './checked-token.ts';
import { StreamError } from '../stream/stream-error.ts';

/**
 * Where a stream stands. Offsets are those of the next record, by partition. A stream that has never seen the log, because Kafka was
 * away from its beginning, stands at a time of the log: whoever resumes there misses nothing either. 0 is the oldest record. So does
 * one in the partitions that Kafka could not be asked about, which have no offset.
 */
export type ResumePoint =
  | { readonly kind: 'offsets'; readonly topicId: string; readonly next: readonly bigint[] }
  | {
      readonly kind: 'offsets or log time';
      readonly topicId: string;
      readonly next: LogOffsets;
      readonly logTimeMs: number;
    }
  | { readonly kind: 'log time'; readonly logTimeMs: number };

/** The point with these offsets, and at the time where there is none. */
export function resumePoint(topicId: string, next: LogOffsets, logTimeMs: number): ResumePoint {
  if (!isComplete(next)) return { kind: 'offsets or log time', topicId, next, logTimeMs };
  return { kind: 'offsets', topicId, next };
}

function isComplete(next: LogOffsets): next is readonly bigint[] {
  return !next.includes(undefined);
}

const OFFSETS = 0;
const LOG_TIME = 1;
/** 2 is an acknowledgement. */
const OFFSETS_OR_LOG_TIME = 3;
/** A topic id of Kafka is a UUID. */
const TOPIC_ID_BYTES = 16;
const MAX_PARTITIONS = 10_000;
const MAX_INT64 = 2n ** 63n - 1n;
/** The latest time that a Date can hold. */
const MAX_TIME_MS = 8_640_000_000_000_000n;

/**
 * A checked token whose body has, for offsets, the topic id (16 bytes) and the next offset of each partition; for a log time, its
 * milliseconds; for both, the topic id, the time and of each partition the offset plus one, or 0 for the time.
 */
export function encodeResumeToken(point: ResumePoint): string {
  if (point.kind === 'log time') {
    return encodeCheckedToken({
      kind: LOG_TIME,
      body: Buffer.from(encodeVarint(BigInt(point.logTimeMs))),
    });
  }
  const body = [...Buffer.from(point.topicId, 'base64url')];
  if (point.kind === 'offsets') {
    for (const offset of point.next) body.push(...encodeVarint(offset));
    return encodeCheckedToken({ kind: OFFSETS, body: Buffer.from(body) });
  }
  body.push(...encodeVarint(BigInt(point.logTimeMs)));
  for (const offset of point.next) body.push(...encodeVarint(offset === undefined ? 0n : offset + 1n));
  return encodeCheckedToken({ kind: OFFSETS_OR_LOG_TIME, body: Buffer.from(body) });
}

/**
 * Throws a StreamError for everything that encodeResumeToken has not made; `field` is the token's path in the request, for the
 * client to find it.
 */
export function decodeResumeToken(token: string, field = 'start.resume_token'): ResumePoint {
  try {
    return readPoint(token);
  } catch (error: unknown) {
    if (!(error instanceof MalformedTokenError)) throw error;
    const message = `the resume token ${error.message}: pass one on as it was received`;
    throw new StreamError('RESUME_TOKEN_MALFORMED', message, { field, cause: error });
  }
}

function readPoint(token: string): ResumePoint {
  const { kind, body } = decodeCheckedToken(token);
  if ((kind === OFFSETS || kind === OFFSETS_OR_LOG_TIME) && body.length >= TOPIC_ID_BYTES) {
    const topicId = body.toString('base64url', 0, TOPIC_ID_BYTES);
    const most = kind === OFFSETS ? MAX_INT64 : MAX_INT64 + 1n;
    const numbers = decodeVarints(body.subarray(TOPIC_ID_BYTES), most);
    const [time = 0n, ...places] = kind === OFFSETS ? [0n, ...numbers] : numbers;
    if (places.length > MAX_PARTITIONS) throw new MalformedTokenError('names too many partitions');
    if (kind === OFFSETS) return { kind: 'offsets', topicId, next: places };
    const next = places.map((place) => (place === 0n ? undefined : place - 1n));
    if (time <= MAX_TIME_MS && !isComplete(next)) return resumePoint(topicId, next, Number(time));
  }
  if (kind === LOG_TIME) {
    const [logTimeMs, ...more] = decodeVarints(body, MAX_TIME_MS);
    if (logTimeMs !== undefined && more.length === 0) {
      return { kind: 'log time', logTimeMs: Number(logTimeMs) };
    }
  }
  throw new MalformedTokenError('is no resume token');
}
