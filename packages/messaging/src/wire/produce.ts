import { requests } from 'kafkajs/src/protocol/requests/index.js';
import type { WireRequest } from './wire-request.ts';

/** What the log keeps of a record; the broker sets the time. */
export interface ProducedRecord {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Who writes: the broker refuses an older epoch of the same producer id, and a sequence that does not follow the last one. */
export interface ProducerIdentity {
  readonly producerId: string;
  readonly producerEpoch: number;
}

export interface ProduceAnswer {
  readonly errorCode: number;
  /** Offset of the first record; for a batch that the log had already, the one it got then. */
  readonly baseOffset: bigint;
}

const produce7 = requests.Produce.protocol({ version: 7 });
const ALL_REPLICAS = -1;
const SEQUENCES = 2 ** 31;

/**
 * One batch for one partition, written by all in-sync replicas before it is acknowledged. It is encoded once: a retry sends the
 * same bytes, so that the broker knows it again by its sequence.
 */
export function produceRequest(options: {
  topic: string;
  partition: number;
  identity: ProducerIdentity;
  sequence: number;
  records: readonly ProducedRecord[];
  /** How long the broker may wait for its replicas. */
  timeoutMs: number;
}): WireRequest<ProduceAnswer> {
  const { request, response } = produce7({
    ...options.identity,
    acks: ALL_REPLICAS,
    timeout: options.timeoutMs,
    topicData: [
      {
        topic: options.topic,
        partitions: [
          { partition: options.partition, firstSequence: options.sequence, messages: options.records },
        ],
      },
    ],
  });
  let encoded: ReturnType<typeof request.encode> | undefined;
  return {
    request: { ...request, encode: () => (encoded ??= request.encode()) },
    response: {
      async decode(payload) {
        const answer = (await response.decode(payload)).topics[0]?.partitions[0];
        if (!answer) throw new Error(`the broker answered nothing for partition ${options.partition}`);
        return { errorCode: answer.errorCode, baseOffset: BigInt(answer.baseOffset) };
      },
    },
  };
}

/** The sequence after `count` records from `sequence` on: it wraps to 0 at 2^31. */
export function nextSequence(sequence: number, count: number): number {
  return (sequence + count) % SEQUENCES;
}
