import { crc32c } from '@node-rs/crc32';

/** What the log keeps of a record, besides its time. */
export interface ProducedRecord {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** One without a value deletes what a compacted topic has of its key. */
export type WrittenRecord = Omit<ProducedRecord, 'value'> & { readonly value: string | null };

/** Who writes: the broker refuses an older epoch of the same producer id, and a sequence that does not follow the last one. */
export interface ProducerIdentity {
  readonly producerId: string;
  readonly producerEpoch: number;
}

const FORMAT = 2;
/** Where the fields of a batch begin; the CRC covers everything behind it. */
const LENGTH_AT = 8;
const LEADER_EPOCH_AT = 12;
const FORMAT_AT = 16;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const RECORDS_AT = 61;
/** Attributes, time delta, lengths and counts of a record, each at its longest. */
const RECORD_FRAMING_BYTES = 40;
const HEADER_FRAMING_BYTES = 10;
const MAX_BYTES_PER_CHARACTER = 3;
/** Texts shorter than this have a length of one byte; below it a loop in JavaScript is cheaper than a call of native code. */
const SHORT_TEXT = 64;
/** A work space that one large batch has made larger than this is not kept. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** Batches are written here one at a time and copied out whole: nothing is allocated for a record. */
let space = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * A record batch of format 2, uncompressed and not transactional, as the log and a Produce request carry it. All records get the
 * same time, or none (-1); a topic with LogAppendTime replaces it.
 */
export function encodeRecordBatch(options: {
  identity: ProducerIdentity;
  /** Of the first record. */
  sequence: number;
  records: readonly WrittenRecord[];
  timestampMs: number;
}): Buffer {
  const { identity, records } = options;
  let end = RECORDS_AT;
  let offsetDelta = 0;
  for (const record of records) {
    end = putRecord(record, offsetDelta, end);
    offsetDelta += 1;
  }
  const timestamp = BigInt(options.timestampMs);
  space.writeBigInt64BE(0n, 0); // base offset: the broker's business, as the leader epoch is
  space.writeInt32BE(end - LEADER_EPOCH_AT, LENGTH_AT);
  space.writeInt32BE(0, LEADER_EPOCH_AT);
  space.writeInt8(FORMAT, FORMAT_AT);
  space.writeInt16BE(0, ATTRIBUTES_AT);
  space.writeInt32BE(records.length - 1, 23); // offset of the last record from the first
  space.writeBigInt64BE(timestamp, 27);
  space.writeBigInt64BE(timestamp, 35);
  space.writeBigInt64BE(BigInt(identity.producerId), 43);
  space.writeInt16BE(identity.producerEpoch, 51);
  space.writeInt32BE(options.sequence, 53);
  space.writeInt32BE(records.length, 57);
  space.writeUInt32BE(crc32c(space.subarray(ATTRIBUTES_AT, end)), CRC_AT);
  const batch = Buffer.from(space.subarray(0, end));
  if (space.length > MAX_KEPT_BYTES) space = Buffer.allocUnsafeSlow(MAX_KEPT_BYTES);
  return batch;
}

/** Writes a record at `start` and answers where it ends. */
function putRecord(
  { key, value: given, headers }: WrittenRecord,
  offsetDelta: number,
  start: number,
): number {
  const names = Object.keys(headers);
  const value = given ?? '';
  reserve(start, key, value, headers, names);
  // The length comes first but is known last: a guess that was wrong moves the record by a byte or two.
  const guessed = lengthBytes(value.length + SHORT_TEXT);
  const body = start + guessed;
  space[body] = 0; // attributes: none
  space[body + 1] = 0; // time from the first record
  let end = putLength(offsetDelta, body + 2);
  end = putText(key, end);
  end = given === null ? putNull(end) : putText(value, end);
  end = putLength(names.length, end);
  for (const name of names) {
    end = putText(name, end);
    end = putText(headers[name] ?? '', end);
  }
  const length = end - body;
  const needed = lengthBytes(length);
  if (needed !== guessed) space.copyWithin(start + needed, body, end);
  putLength(length, start);
  return start + needed + length;
}

/** Makes room for a record at `start`, also if each of its characters took the most bytes. */
function reserve(
  start: number,
  key: string,
  value: string,
  headers: Readonly<Record<string, string>>,
  names: readonly string[],
): void {
  let characters = key.length + value.length;
  for (const name of names) characters += name.length + (headers[name]?.length ?? 0);
  const framing = RECORD_FRAMING_BYTES + names.length * HEADER_FRAMING_BYTES;
  const needed = start + framing + characters * MAX_BYTES_PER_CHARACTER;
  if (needed <= space.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, space.length * 2));
  space.copy(larger, 0, 0, start);
  space = larger;
}

/** Writes a text behind its length. */
function putText(text: string, start: number): number {
  const { length } = text;
  if (length >= SHORT_TEXT) return putLongText(text, start);
  for (let index = 0; index < length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return putLongText(text, start);
    space[start + 1 + index] = code;
  }
  space[start] = length << 1;
  return start + 1 + length;
}

/** Writes the length -1. */
function putNull(start: number): number {
  space[start] = 1;
  return start + 1;
}

function putLongText(text: string, start: number): number {
  const guessed = lengthBytes(text.length);
  const bytes = space.write(text, start + guessed, 'utf8');
  const needed = lengthBytes(bytes);
  if (needed !== guessed) space.copyWithin(start + needed, start + guessed, start + guessed + bytes);
  putLength(bytes, start);
  return start + needed + bytes;
}

/** Writes a number from 0 on as a zigzag varint. */
function putLength(value: number, start: number): number {
  let rest = value << 1;
  let end = start;
  while (rest > 0x7f) {
    space[end] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
    end += 1;
  }
  space[end] = rest;
  return end + 1;
}

/** Bytes that `putLength` takes. */
function lengthBytes(value: number): number {
  if (value < 1 << 6) return 1;
  if (value < 1 << 13) return 2;
  if (value < 1 << 20) return 3;
  return value < 1 << 27 ? 4 : 5;
}
