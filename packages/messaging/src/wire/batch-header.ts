import { crc32c } from '@node-rs/crc32';
import { ByteReader } from './byte-reader.ts';
import { BatchFault } from './unreadable-batch.ts';

/** Header of a record batch of format 2, the only one since Kafka 4. */
export interface BatchHeader {
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly attributes: number;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly producerId: bigint;
  readonly recordCount: number;
}

export const LOG_APPEND_TIME_BIT = 0b1000;
export const TRANSACTIONAL_BIT = 0b1_0000;
export const CONTROL_BIT = 0b10_0000;

/** What follows the length, up to the records. */
const HEADER_BYTES = 49;
/** In what follows the length: the checksum covers everything behind it, and so neither the base offset nor the length. */
const CRC_AT = 5;
const CHECKED_AT = 9;

/**
 * The header of a batch, and a reader of the records behind it. The broker has checked the checksum when the batch was appended, and
 * does not when it sends it: what a disk has changed since then is seen only here. Throws a BatchFault.
 */
export function readBatchHeader(
  baseOffset: bigint,
  body: Buffer,
): { header: BatchHeader; content: ByteReader } {
  const content = new ByteReader(body);
  content.skip(4); // partition leader epoch
  const format = content.int8();
  if (format !== 2) throw new BatchFault('format', `record format ${format} is not supported, only 2 is`);
  if (!isSound(body)) throw new BatchFault('checksum', 'its bytes are not those that its checksum is of');
  content.skip(4);
  return { header: readFields(baseOffset, content), content };
}

/** Whether what the checksum covers is what was appended. */
export function isSound(body: Buffer): boolean {
  return crc32c(body.subarray(CHECKED_AT)) === body.readUInt32BE(CRC_AT);
}

function readFields(baseOffset: bigint, reader: ByteReader): BatchHeader {
  const attributes = reader.int16();
  const lastOffset = baseOffset + BigInt(reader.int32());
  const baseTimestampMs = Number(reader.int64());
  const maxTimestampMs = Number(reader.int64());
  const producerId = reader.int64();
  reader.skip(6); // producer epoch and base sequence
  const recordCount = reader.int32();
  return { baseOffset, lastOffset, attributes, baseTimestampMs, maxTimestampMs, producerId, recordCount };
}

/** The last offset of a batch whose header is not to be trusted; undefined when its number of records says something else. */
export function claimedLastOffset(baseOffset: bigint, body: Buffer): bigint | undefined {
  if (body.length < HEADER_BYTES) return undefined;
  const reader = new ByteReader(body);
  reader.skip(CHECKED_AT);
  const { lastOffset, recordCount } = readFields(baseOffset, reader);
  return recordCount > 0 && lastOffset === baseOffset + BigInt(recordCount) - 1n ? lastOffset : undefined;
}
