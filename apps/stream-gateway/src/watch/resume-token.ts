import { crc32 } from 'node:zlib';
import { StreamError } from '../stream-error.ts';

/**
 * Where a stream stands. Offsets are those of the next record, by partition. A stream that has never seen the log, because Kafka was
 * away from its beginning, stands at a time of the log: whoever resumes there misses nothing either. 0 is the oldest record.
 */
export type ResumePoint =
  | { readonly kind: 'offsets'; readonly topicId: string; readonly next: readonly bigint[] }
  | { readonly kind: 'log time'; readonly logTimeMs: number };

const VERSION = 1;
const OFFSETS = 0;
const LOG_TIME = 1;
/** A topic id of Kafka is a UUID. */
const TOPIC_ID_BYTES = 16;
const CRC_BYTES = 4;
const MAX_PARTITIONS = 10_000;
const MAX_TOKEN_LENGTH = 128 * 1024;
const MAX_INT64 = 2n ** 63n - 1n;
/** The latest time that a Date can hold. */
const MAX_TIME_MS = 8_640_000_000_000_000n;

/**
 * An opaque token, base64url without padding, of: version (1), kind (0 or 1), then for offsets the topic id (16 bytes) and the next
 * offset of each partition, for a log time its milliseconds; then the CRC-32 of all before it (big endian). Numbers are LEB128.
 */
export function encodeResumeToken(point: ResumePoint): string {
  const bytes: number[] = [VERSION];
  if (point.kind === 'offsets') {
    bytes.push(OFFSETS, ...Buffer.from(point.topicId, 'base64url'));
    for (const offset of point.next) pushVarint(bytes, offset);
  } else {
    bytes.push(LOG_TIME);
    pushVarint(bytes, BigInt(point.logTimeMs));
  }
  const body = Buffer.from(bytes);
  const checksum = Buffer.alloc(CRC_BYTES);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([body, checksum]).toString('base64url');
}

/**
 * Throws a StreamError for everything that encodeResumeToken has not made; `field` is the token's path in the request, for the
 * client to find it.
 */
export function decodeResumeToken(token: string, field = 'start.resume_token'): ResumePoint {
  const malformed = (what: string) => {
    const message = `the resume token ${what}: pass one on as it was received`;
    return new StreamError('RESUME_TOKEN_MALFORMED', message, { field });
  };
  const body = verifiedBody(token, malformed);
  if (body[0] !== VERSION) throw malformed(`is of version ${body[0]}, this server knows ${VERSION}`);
  const kind = body[1];
  if (kind === OFFSETS && body.length >= 2 + TOPIC_ID_BYTES) {
    const next = readVarints(body.subarray(2 + TOPIC_ID_BYTES), MAX_INT64, malformed);
    if (next.length > MAX_PARTITIONS) throw malformed('names too many partitions');
    return { kind: 'offsets', topicId: body.toString('base64url', 2, 2 + TOPIC_ID_BYTES), next };
  }
  if (kind === LOG_TIME) {
    const [logTimeMs, ...more] = readVarints(body.subarray(2), MAX_TIME_MS, malformed);
    if (logTimeMs !== undefined && more.length === 0) {
      return { kind: 'log time', logTimeMs: Number(logTimeMs) };
    }
  }
  throw malformed('is not complete');
}

type Malformed = (what: string) => StreamError;

function verifiedBody(token: string, malformed: Malformed): Buffer {
  if (token.length > MAX_TOKEN_LENGTH) throw malformed('is too long');
  const bytes = Buffer.from(token, 'base64url');
  // The decoder ignores what is not base64url, and bits beyond the last byte.
  if (bytes.toString('base64url') !== token) throw malformed('is not base64url');
  if (bytes.length < 2 + CRC_BYTES) throw malformed('is too short');
  const body = bytes.subarray(0, -CRC_BYTES);
  if (bytes.readUInt32BE(body.length) !== crc32(body)) throw malformed('has a wrong checksum');
  return body;
}

function pushVarint(bytes: number[], value: bigint): void {
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
}

function readVarints(bytes: Buffer, max: bigint, malformed: Malformed): bigint[] {
  const values: bigint[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    if (value > max) throw malformed('has a number that is too large');
    if (byte & 0x80) {
      shift += 7n;
      continue;
    }
    values.push(value);
    value = 0n;
    shift = 0n;
  }
  if (shift > 0n) throw malformed('is not complete');
  return values;
}
