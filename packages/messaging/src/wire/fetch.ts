import { ByteReader } from './byte-reader.ts';
import { encodeFetch } from './fetch-encoding.ts';
import { ERROR_CODE, KafkaProtocolError } from './protocol-error.ts';
import type { AbortedTransaction } from './aborted-transactions.ts';
import { type DecodeBudget, decodeRecordBatches, type LogRecord, responseBudget } from './record-batch.ts';
import { UnreadableBatchError } from './unreadable-batch.ts';
import type { WireRequest } from './wire-request.ts';

const FETCH = { apiKey: 1, apiVersion: 11, apiName: 'Fetch' };

/** `committed` leaves out aborted transactions and ends before the first open one; `uncommitted` sees all that is stored. */
export type Isolation = 'committed' | 'uncommitted';

export const ISOLATION_LEVEL: Readonly<Record<Isolation, number>> = { uncommitted: 0, committed: 1 };

/** What a fetch brought for one partition; `records` may be empty while `nextOffset` moves (control batches, gaps). */
export interface PartitionBatch {
  readonly partition: number;
  readonly records: readonly LogRecord[];
  /** Where to go on reading. */
  readonly nextOffset: bigint;
  /** End of the log, as far as it is safe on the replicas. */
  readonly highWatermark: bigint;
  readonly logStartOffset: bigint;
}

export interface FetchResult {
  readonly batches: readonly PartitionBatch[];
  /** Partitions that could not be read: an error code of the broker, or records that cannot be decoded. */
  readonly failures: readonly { readonly partition: number; readonly error: Error }[];
}

/** One Fetch for several partitions of one leader. `positions` maps a partition to the offset to read next. */
export function fetchRequest(options: {
  topic: string;
  positions: ReadonlyMap<number, bigint>;
  leaderEpochs?: ReadonlyMap<number, number>;
  maxWaitMs: number;
  maxBytes: number;
  partitionMaxBytes: number;
  isolation: Isolation;
}): WireRequest<FetchResult> {
  const { topic, positions, isolation } = options;
  const query = { ...options, isolationLevel: ISOLATION_LEVEL[isolation] };
  const request = { ...FETCH, encode: () => Promise.resolve({ buffer: encodeFetch(query) }) };
  return { request, response: { decode: (payload) => decodeFetch(payload, topic, positions) } };
}

export function isOutOfRange(error: Error): boolean {
  return error instanceof KafkaProtocolError && error.code === ERROR_CODE.OFFSET_OUT_OF_RANGE;
}

function decodeFetch(payload: Buffer, topic: string, positions: ReadonlyMap<number, bigint>): FetchResult {
  const reader = new ByteReader(payload);
  reader.skip(4); // throttle time
  const errorCode = reader.int16();
  if (errorCode !== 0) throw new KafkaProtocolError(errorCode, 'Fetch');
  reader.skip(4); // session id
  const batches: PartitionBatch[] = [];
  const failures: { partition: number; error: Error }[] = [];
  const budget = responseBudget();
  for (let topics = reader.int32(); topics > 0; topics -= 1) {
    reader.nullableString(); // name: only one was asked for
    for (let partitions = reader.int32(); partitions > 0; partitions -= 1) {
      const fetched = readPartition(reader);
      const what = `partition ${fetched.partition} of ${topic}`;
      if (fetched.errorCode === 0) {
        try {
          batches.push(decodePartition(fetched, positions, budget));
        } catch (cause) {
          // One partition that cannot be read does not keep the others from being read.
          const error =
            cause instanceof UnreadableBatchError ? cause : new Error(`${what} cannot be read`, { cause });
          failures.push({ partition: fetched.partition, error });
        }
      } else {
        const error = new KafkaProtocolError(fetched.errorCode, what, 'Read on the topic');
        failures.push({ partition: fetched.partition, error });
      }
    }
  }
  return { batches, failures };
}

interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly logStartOffset: bigint;
  readonly abortedTransactions: readonly AbortedTransaction[];
  readonly data: Buffer;
}

function readPartition(reader: ByteReader): FetchedPartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  reader.skip(8); // last stable offset
  const logStartOffset = reader.int64();
  const abortedTransactions: AbortedTransaction[] = [];
  for (let left = reader.int32(); left > 0; left -= 1) {
    abortedTransactions.push({ producerId: reader.int64(), firstOffset: reader.int64() });
  }
  reader.skip(4); // preferred read replica
  const data = reader.bytes(Math.max(0, reader.int32()));
  return { partition, errorCode, highWatermark, logStartOffset, abortedTransactions, data };
}

function decodePartition(
  fetched: FetchedPartition,
  positions: ReadonlyMap<number, bigint>,
  budget: DecodeBudget,
): PartitionBatch {
  const { partition, highWatermark, logStartOffset } = fetched;
  const from = positions.get(partition);
  if (from === undefined) throw new Error('it was not asked for');
  const { records, nextOffset } = decodeRecordBatches(
    fetched.data,
    partition,
    from,
    fetched.abortedTransactions,
    budget,
  );
  return { partition, records, nextOffset, highWatermark, logStartOffset };
}
