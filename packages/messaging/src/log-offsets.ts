import { requests } from 'kafkajs/src/protocol/requests/index.js';
import { groupByLeader, type TopicCluster } from './topic-cluster.ts';
import { type Isolation, ISOLATION_LEVEL } from './wire/fetch.ts';
import type { TopicMetadata } from './wire/metadata.ts';
import { KafkaProtocolError } from './wire/protocol-error.ts';

/** Offset of the next record to read, by partition. */
export type PartitionPositions = Map<number, bigint>;

/** A place in the log: its ends, or the first record at or after a time. */
export type LogPoint = 'earliest' | 'latest' | { readonly timestampMs: number };

const listOffsets3 = requests.ListOffsets.protocol({ version: 3 });
const LATEST = -1;
const EARLIEST = -2;
const NO_OFFSET = -1n;

/** Offsets of one place in the given partitions (default: all). By time: the end of the log where no record is that late. */
export function listOffsets(
  cluster: TopicCluster,
  at: LogPoint,
  options: { partitions?: readonly number[] | undefined; isolation: Isolation },
  signal?: AbortSignal,
): Promise<PartitionPositions> {
  return cluster.withMetadata(async (metadata) => {
    const partitions = options.partitions ?? [...metadata.leaders.keys()];
    const ask = (timestamp: number) =>
      askLeaders(cluster, metadata, { partitions, timestamp, isolation: options.isolation }, signal);
    if (at === 'earliest') return ask(EARLIEST);
    if (at === 'latest') return ask(LATEST);
    // The ends first: a record that is appended between the two answers is found by its time, and not passed over.
    const ends = await ask(LATEST);
    const found = await ask(at.timestampMs);
    return new Map(
      [...found].map(([partition, offset]) => [
        partition,
        offset === NO_OFFSET ? (ends.get(partition) ?? offset) : offset,
      ]),
    );
  }, signal);
}

async function askLeaders(
  cluster: TopicCluster,
  metadata: TopicMetadata,
  query: { partitions: readonly number[]; timestamp: number; isolation: Isolation },
  signal?: AbortSignal,
): Promise<PartitionPositions> {
  const positions: PartitionPositions = new Map();
  const leaders = groupByLeader(query.partitions, metadata);
  await Promise.all(
    [...leaders].map(async ([leader, partitions]) => {
      const connection = await cluster.connection(leader, signal);
      const answer = await connection.send(
        listOffsets3({
          isolationLevel: ISOLATION_LEVEL[query.isolation],
          topics: [
            {
              topic: cluster.topic,
              partitions: partitions.map((partition) => ({ partition, timestamp: query.timestamp })),
            },
          ],
        }),
        signal,
      );
      for (const { partition, errorCode, offset } of answer.responses[0]?.partitions ?? []) {
        if (errorCode !== 0) {
          throw new KafkaProtocolError(errorCode, `offsets of partition ${partition} of ${cluster.topic}`);
        }
        positions.set(partition, BigInt(offset));
      }
    }),
  );
  return positions;
}
