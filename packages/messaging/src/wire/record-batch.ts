import { gunzipSync } from 'node:zlib';
import { ByteReader } from './byte-reader.ts';

/** A record of the log. Key, value and header values are views on the whole response (megabytes): copy what is kept. */
export interface LogRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | null>>;
}

/** A transaction whose records a committed reader skips, from `firstOffset` to its abort marker. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** Header of a record batch of format 2, the only one since Kafka 4. */
interface BatchHeader {
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly attributes: number;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly producerId: bigint;
  readonly recordCount: number;
}

const OFFSET_AND_LENGTH_BYTES = 12;
const CODEC_BITS = 0b111;
const LOG_APPEND_TIME_BIT = 0b1000;
const TRANSACTIONAL_BIT = 0b1_0000;
const CONTROL_BIT = 0b10_0000;
const GZIP = 1;
const CODEC_NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
/** A compressed batch may not unfold into more: a few kilobytes of gzip can stand for gigabytes. */
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;
const ABORT_MARKER = 0;

/**
 * Decodes the record batches of one partition from `fromOffset` on. Control batches and aborted records are left out.
 * `nextOffset` follows the batches, not the records, so it also passes control batches and the gaps that compaction leaves;
 * it equals `fromOffset` when no whole batch is there. The broker may cut the last batch off: that one is not decoded.
 * Throws when a batch is malformed or compressed with anything but gzip.
 */
export function decodeRecordBatches(
  data: Buffer,
  partition: number,
  fromOffset: bigint,
  abortedTransactions: readonly AbortedTransaction[],
): { records: LogRecord[]; nextOffset: bigint } {
  const isAborted = createAbortFilter(abortedTransactions);
  const reader = new ByteReader(data);
  const records: LogRecord[] = [];
  let nextOffset = fromOffset;
  while (reader.remaining >= OFFSET_AND_LENGTH_BYTES) {
    const baseOffset = reader.int64();
    const length = reader.int32();
    if (length > reader.remaining) break;
    const body = reader.bytes(length);
    const batch = new ByteReader(body);
    const header = readBatchHeader(baseOffset, batch);
    if (!isAborted(header, batch) && header.lastOffset >= fromOffset) {
      const content = uncompressed(header, batch);
      readRecords(content, header, partition, fromOffset, records);
    }
    if (header.lastOffset >= nextOffset) nextOffset = header.lastOffset + 1n;
  }
  return { records, nextOffset };
}

function readBatchHeader(baseOffset: bigint, batch: ByteReader): BatchHeader {
  batch.skip(4); // partition leader epoch
  const format = batch.int8();
  if (format !== 2) throw new Error(`record format ${format} is not supported, only 2 is`);
  batch.skip(4); // CRC: TCP and the broker have checked it
  const attributes = batch.int16();
  const lastOffset = baseOffset + BigInt(batch.int32());
  const baseTimestampMs = Number(batch.int64());
  const maxTimestampMs = Number(batch.int64());
  const producerId = batch.int64();
  batch.skip(6); // producer epoch and base sequence
  const recordCount = batch.int32();
  return {
    baseOffset,
    lastOffset,
    attributes,
    baseTimestampMs,
    maxTimestampMs,
    producerId,
    recordCount,
  };
}

/**
 * Tells, batch by batch in log order, what a reader must not see: control batches, and batches of aborted transactions.
 * As in Kafka's Java client: a transaction opens at its first offset and closes at its producer's abort marker.
 */
function createAbortFilter(
  transactions: readonly AbortedTransaction[],
): (header: BatchHeader, batch: ByteReader) => boolean {
  const upcoming = transactions.toSorted((a, b) => Number(a.firstOffset - b.firstOffset));
  const openProducers = new Set<bigint>();
  let opened = 0;
  return (header, batch) => {
    for (
      let next = upcoming[opened];
      next && next.firstOffset <= header.lastOffset;
      next = upcoming[opened]
    ) {
      openProducers.add(next.producerId);
      opened += 1;
    }
    if (header.attributes & CONTROL_BIT) {
      if (header.recordCount > 0 && readMarkerType(batch) === ABORT_MARKER) {
        openProducers.delete(header.producerId);
      }
      return true;
    }
    return (header.attributes & TRANSACTIONAL_BIT) !== 0 && openProducers.has(header.producerId);
  };
}

/** The key of a control record is its version (int16) and its type (int16). */
function readMarkerType(batch: ByteReader): number | undefined {
  batch.varint(); // length
  batch.skip(1); // attributes
  batch.varint(); // timestamp delta
  batch.varint(); // offset delta
  return batch.varintBytes()?.readInt16BE(2);
}

function uncompressed(header: BatchHeader, batch: ByteReader): ByteReader {
  const codec = header.attributes & CODEC_BITS;
  if (codec === 0) return batch;
  if (codec !== GZIP) {
    const name = CODEC_NAMES[codec] ?? `codec ${codec}`;
    throw new Error(
      `the batch at offset ${header.baseOffset} is compressed with ${name}; only gzip can be read`,
    );
  }
  const inflated = gunzipSync(batch.bytes(batch.remaining), { maxOutputLength: MAX_INFLATED_BYTES });
  return new ByteReader(inflated);
}

function readRecords(
  reader: ByteReader,
  header: BatchHeader,
  partition: number,
  fromOffset: bigint,
  records: LogRecord[],
): void {
  const appendTime = (header.attributes & LOG_APPEND_TIME_BIT) !== 0;
  for (let index = 0; index < header.recordCount; index += 1) {
    const length = reader.varint();
    const end = reader.position + length;
    reader.skip(1); // attributes, unused
    const timestampDelta = reader.varint();
    const offset = header.baseOffset + BigInt(reader.varint());
    if (offset < fromOffset) {
      reader.skip(end - reader.position);
      continue;
    }
    const key = reader.varintBytes();
    const value = reader.varintBytes();
    const headers: Record<string, Buffer | null> = {};
    for (let count = reader.varint(); count > 0; count -= 1) {
      const name = reader.utf8(reader.varint());
      headers[name] = reader.varintBytes();
    }
    if (reader.position !== end) throw new RangeError(`the record at offset ${offset} is malformed`);
    const timestampMs = appendTime ? header.maxTimestampMs : header.baseTimestampMs + timestampDelta;
    records.push({ partition, offset, timestampMs, key, value, headers });
  }
}
