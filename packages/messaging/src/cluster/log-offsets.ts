import { groupByLeader, isTransient, leaderOf, type TopicCluster } from './topic-cluster.ts';
import type { Isolation } from '../wire/fetch.ts';
import {
  EARLIEST,
  type FoundOffset,
  LATEST,
  listOffsetsRequest,
  NO_OFFSET,
  type OffsetQuestion,
} from '../wire/list-offsets.ts';
import type { TopicMetadata } from '../wire/metadata.ts';
import { KafkaProtocolError } from '../wire/protocol-error.ts';

/** Offset of the next record to read, by partition. */
export type PartitionPositions = Map<number, bigint>;

/** A place in the log: its ends, or the first record at or after a time. */
export type LogPoint = 'earliest' | 'latest' | { readonly timestampMs: number };

/** What the first record at or after is the oldest one. */
const ANY_TIME = 0;

export interface OffsetQuery {
  readonly partitions: readonly number[];
  readonly isolation: Isolation;
}

/** Offsets of one place in the given partitions. By time: the end of the log where no record is that late. */
export function listOffsets(
  cluster: TopicCluster,
  at: LogPoint,
  query: OffsetQuery,
  signal?: AbortSignal,
): Promise<PartitionPositions> {
  return cluster.withMetadata((metadata) => offsetsAt(cluster, metadata, at, query, signal), signal);
}

/** The same of all partitions that the topic has now. */
export function listAllOffsets(
  cluster: TopicCluster,
  at: LogPoint,
  isolation: Isolation,
  signal?: AbortSignal,
): Promise<PartitionPositions> {
  return cluster.withFreshMetadata((metadata) => {
    const partitions = [...metadata.leaders.keys()];
    return offsetsAt(cluster, metadata, at, { partitions, isolation }, signal);
  }, signal);
}

/** Told of a partition that cannot be asked at present: it is left out of the answer. Throws what is to fail the whole question. */
export type OnUnanswered = (partition: number, error: Error) => void;

const failWhole: OnUnanswered = (_, error) => {
  throw error;
};

/** Asks each leader once. */
export async function offsetsAt(
  cluster: TopicCluster,
  metadata: TopicMetadata,
  at: LogPoint,
  query: OffsetQuery,
  signal?: AbortSignal,
  onUnanswered = failWhole,
): Promise<PartitionPositions> {
  const ask = async (timestamp: number) => {
    const found = await askLeaders(cluster, metadata, { ...query, timestamp }, signal, onUnanswered);
    return new Map([...found].map(([partition, { offset }]) => [partition, offset]));
  };
  if (at === 'earliest') return ask(EARLIEST);
  if (at === 'latest') return ask(LATEST);
  // The ends first: a record that is appended between the two answers is found by its time, and not passed over.
  const ends = await ask(LATEST);
  const found = await ask(at.timestampMs);
  return new Map(
    [...found].flatMap(([partition, offset]) => {
      const place = offset === NO_OFFSET ? ends.get(partition) : offset;
      return place === undefined ? [] : [[partition, place] as const];
    }),
  );
}

/** When the oldest record was appended that any of the partitions has; undefined when they have none. Asks each leader once. */
export async function oldestTimeMs(
  cluster: TopicCluster,
  metadata: TopicMetadata,
  query: OffsetQuery,
  signal?: AbortSignal,
): Promise<number | undefined> {
  // Of a batch that cannot be read the time is not known either; a leader that has moved is found by the questions before and after.
  const found = await askLeaders(cluster, metadata, { ...query, timestamp: ANY_TIME }, signal, () => {});
  const times = [...found.values()].filter(({ offset }) => offset !== NO_OFFSET);
  return times.length > 0 ? Math.min(...times.map(({ timestampMs }) => timestampMs)) : undefined;
}

async function askLeaders(
  cluster: TopicCluster,
  metadata: TopicMetadata,
  question: OffsetQuestion,
  signal: AbortSignal | undefined,
  onUnanswered: OnUnanswered,
): Promise<Map<number, FoundOffset>> {
  const all = new Map<number, FoundOffset>();
  const led = question.partitions.filter((partition) => {
    try {
      return leaderOf(partition, metadata);
    } catch (error) {
      onUnanswered(partition, asError(error));
      return false;
    }
  });
  await Promise.all(
    [...groupByLeader(led, metadata)].map(async ([leader, partitions]) => {
      try {
        const connection = await cluster.connection(leader, signal);
        const request = listOffsetsRequest(cluster.topic, { ...question, partitions });
        for (const found of await connection.send(request, signal)) {
          const { partition, errorCode } = found;
          const what = `offsets of partition ${partition} of ${cluster.topic}`;
          if (errorCode === 0) all.set(partition, found);
          else onUnanswered(partition, new KafkaProtocolError(errorCode, what));
        }
      } catch (error) {
        if (signal?.aborted || !isTransient(error)) throw error;
        for (const partition of partitions) onUnanswered(partition, asError(error));
      }
    }),
  );
  return all;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
