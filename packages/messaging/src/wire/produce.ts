import { ByteReader } from './byte-reader.ts';
import type { WireRequest } from './wire-request.ts';

/** One encoded record batch (see encodeRecordBatch) and where it goes. */
export interface PartitionBatchToProduce {
  readonly partition: number;
  readonly batch: Buffer;
}

export interface ProduceAnswer {
  readonly errorCode: number;
  /** Offset of the first record; for a batch that the log had already, the one it got then. */
  readonly baseOffset: bigint;
}

const ALL_REPLICAS = -1;
const SEQUENCES = 2 ** 31;

/**
 * Batches for several partitions of a topic, one for each, acknowledged when all in-sync replicas have them. The broker judges each
 * partition by itself; the answer has those that it spoke of.
 */
export function produceRequest(options: {
  topic: string;
  batches: readonly PartitionBatchToProduce[];
  /** How long the broker may wait for its replicas; it waits for the slowest partition of the request. */
  timeoutMs: number;
}): WireRequest<Map<number, ProduceAnswer>> {
  return {
    request: {
      apiKey: 0,
      apiVersion: 7,
      apiName: 'Produce',
      encode: () => Promise.resolve({ buffer: encodeBody(options) }),
    },
    response: { decode: decodeAnswers },
  };
}

/** The sequence after `count` records from `sequence` on: it wraps to 0 at 2^31. */
export function nextSequence(sequence: number, count: number): number {
  return (sequence + count) % SEQUENCES;
}

function encodeBody({ topic, batches, timeoutMs }: Parameters<typeof produceRequest>[0]): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  let length = 18 + topicBytes;
  for (const { batch } of batches) length += 8 + batch.length;
  const body = Buffer.allocUnsafe(length);
  let at = body.writeInt16BE(-1, 0); // no transactional id
  at = body.writeInt16BE(ALL_REPLICAS, at);
  at = body.writeInt32BE(timeoutMs, at);
  at = body.writeInt32BE(1, at); // topics
  at = body.writeInt16BE(topicBytes, at);
  at += body.write(topic, at);
  at = body.writeInt32BE(batches.length, at);
  for (const { partition, batch } of batches) {
    at = body.writeInt32BE(partition, at);
    at = body.writeInt32BE(batch.length, at);
    at += batch.copy(body, at);
  }
  return body;
}

function decodeAnswers(payload: Buffer): Map<number, ProduceAnswer> {
  const reader = new ByteReader(payload);
  const answers = new Map<number, ProduceAnswer>();
  for (let topics = reader.int32(); topics > 0; topics -= 1) {
    reader.nullableString();
    for (let partitions = reader.int32(); partitions > 0; partitions -= 1) {
      const partition = reader.int32();
      const errorCode = reader.int16();
      const baseOffset = reader.int64();
      reader.skip(16); // append time, start of the log
      answers.set(partition, { errorCode, baseOffset });
    }
  }
  return answers;
}
