import { type AbortedTransaction, createAbortFilter } from './aborted-transactions.ts';
import { type BatchHeader, LOG_APPEND_TIME_BIT, readBatchHeader } from './batch-header.ts';
import { ByteReader } from './byte-reader.ts';
import { uncompressedRecords } from './record-codecs.ts';
import { claimedEnd, splitBatches } from './stored-batch.ts';
import { asBatchFault, BatchFault, UnreadableBatchError } from './unreadable-batch.ts';

/** A record of the log. Key, value and header values are views on the whole response (megabytes): copy what is kept. */
export interface LogRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | null>>;
}

/** Memory that the batches of one response may still take; its partitions share it. */
export interface DecodeBudget {
  bytes: number;
}

/** What the batches of a response may unfold into: the one that goes beyond is the last that is decoded. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
/** The same for one batch: a few kilobytes can stand for gigabytes. */
const MAX_BATCH_BYTES = 64 * 1024 * 1024;
/** Records and headers of one batch: a batch of nothing but empty ones takes far more memory than it has bytes. */
const MAX_BATCH_OBJECTS = 500_000;
/** What one of them takes besides its bytes, about. */
const OBJECT_BYTES = 100;

export const responseBudget = (): DecodeBudget => ({ bytes: MAX_RESPONSE_BYTES });

/**
 * Decodes the record batches of one partition from `fromOffset` on. Control batches and aborted records are left out.
 * `nextOffset` follows the batches, not the records, so it also passes control batches and the gaps that compaction leaves;
 * it equals `fromOffset` when there is none. What the next fetch will bring again is left to it: a last batch that the broker has cut
 * off, those for which the budget is used up, and everything from a batch on that cannot be read. When that is the first one, an
 * UnreadableBatchError is thrown.
 */
export function decodeRecordBatches(
  data: Buffer,
  partition: number,
  fromOffset: bigint,
  abortedTransactions: readonly AbortedTransaction[],
  budget = responseBudget(),
): { records: LogRecord[]; nextOffset: bigint } {
  const isAborted = createAbortFilter(abortedTransactions);
  const records: LogRecord[] = [];
  const batches = splitBatches(data);
  let nextOffset = fromOffset;
  for (const [index, { baseOffset, body, isCut }] of batches.entries()) {
    if (budget.bytes <= 0) break;
    const readBefore = records.length;
    let header: BatchHeader | undefined;
    try {
      if (isCut) throw new BatchFault('malformed', 'it is cut off');
      const batch = readBatchHeader(baseOffset, body);
      header = batch.header;
      if (!isAborted(header, batch.content) && header.lastOffset >= fromOffset) {
        readContent(header, batch.content, { partition, fromOffset, budget, records });
      }
      if (header.lastOffset >= nextOffset) nextOffset = header.lastOffset + 1n;
    } catch (error) {
      records.length = readBefore;
      if (nextOffset > fromOffset) break;
      const end = header ? header.lastOffset + 1n : claimedEnd(batches, index, fromOffset);
      // Nothing of it is wanted any more.
      if (end <= fromOffset) continue;
      throw new UnreadableBatchError(partition, { offset: fromOffset, nextOffset: end }, asBatchFault(error));
    }
  }
  if (nextOffset === fromOffset && batches.length > 0 && budget.bytes > 0) {
    const fault = new BatchFault('malformed', 'the broker answers with batches before it');
    throw new UnreadableBatchError(partition, { offset: fromOffset, nextOffset: fromOffset + 1n }, fault);
  }
  return { records, nextOffset };
}

interface Wanted {
  readonly partition: number;
  readonly fromOffset: bigint;
  readonly budget: DecodeBudget;
  readonly records: LogRecord[];
}

function readContent(header: BatchHeader, content: ByteReader, wanted: Wanted): void {
  const stored = content.bytes(content.remaining);
  const uncompressed = uncompressedRecords(header.attributes, stored, MAX_BATCH_BYTES);
  const reader = new ByteReader(uncompressed);
  let objects = 0;
  const count = () => {
    objects += 1;
    if (objects > MAX_BATCH_OBJECTS) {
      throw new BatchFault('too_large', `it has more than ${MAX_BATCH_OBJECTS} records and headers`);
    }
  };
  for (let index = 0; index < header.recordCount; index += 1) readRecord(reader, header, wanted, count);
  wanted.budget.bytes -= uncompressed.length + objects * OBJECT_BYTES;
}

function readRecord(
  reader: ByteReader,
  header: BatchHeader,
  { partition, fromOffset, records }: Wanted,
  count: () => void,
): void {
  const length = reader.varint();
  const end = reader.position + length;
  reader.skip(1); // attributes, unused
  const timestampDelta = reader.varint();
  const offset = header.baseOffset + BigInt(reader.varint());
  if (offset < fromOffset) return reader.skip(end - reader.position);
  if (offset > header.lastOffset) throw new BatchFault('malformed', `offset ${offset} lies behind its end`);
  count();
  const key = reader.varintBytes();
  const value = reader.varintBytes();
  const headers: Record<string, Buffer | null> = {};
  for (let left = reader.varint(); left > 0; left -= 1) {
    count();
    const name = reader.utf8(reader.varint());
    headers[name] = reader.varintBytes();
  }
  if (reader.position !== end) {
    throw new BatchFault('malformed', `the record at offset ${offset} is not as long as it says`);
  }
  const appendTime = (header.attributes & LOG_APPEND_TIME_BIT) !== 0;
  const timestampMs = appendTime ? header.maxTimestampMs : header.baseTimestampMs + timestampDelta;
  records.push({ partition, offset, timestampMs, key, value, headers });
}
