import type { PartitionPositions } from './log-offsets.ts';
import { pause } from './retry-pause.ts';
import { groupByLeader, type TopicCluster } from './topic-cluster.ts';
import {
  fetchRequest,
  type FetchResult,
  type Isolation,
  isOutOfRange,
  type PartitionBatch,
} from './wire/fetch.ts';

export interface FetchLimits {
  /** How long the broker may wait for new records before it answers with none. */
  readonly maxWaitMs: number;
  /** Of a response; a larger batch still comes whole. */
  readonly maxBytes: number;
  /** Of one partition in a response. */
  readonly partitionMaxBytes: number;
  readonly isolation: Isolation;
}

/** The log does not have the offset that was asked for: it is deleted already, or not written yet. */
export class OffsetOutOfRangeError extends Error {
  override readonly name = 'OffsetOutOfRangeError';
  readonly partition: number;
  readonly offset: bigint;

  constructor(partition: number, offset: bigint) {
    super(`partition ${partition} has no offset ${offset}`);
    this.partition = partition;
    this.offset = offset;
  }
}

/** Records of the range may not be visible yet: a transaction is open, or replicas lag behind. */
const NOTHING_NEW_PAUSE_MS = 20;

/**
 * Reads each partition of `to` from its position in `from` (which must have it) up to the one in `to`, exclusive. It ends by
 * offsets: a log may end with control records, which are never seen. `onBatch` is awaited, one call at a time.
 */
export async function readRange(
  cluster: TopicCluster,
  from: PartitionPositions,
  to: PartitionPositions,
  onBatch: (batch: PartitionBatch) => void | Promise<void>,
  limits: FetchLimits,
  signal?: AbortSignal,
): Promise<void> {
  const unread = new Map<number, bigint>();
  for (const [partition, end] of to) {
    const start = from.get(partition);
    if (start === undefined) throw new RangeError(`no position to read partition ${partition} from`);
    if (start < end) unread.set(partition, start);
  }
  while (unread.size > 0) {
    signal?.throwIfAborted();
    let progress = false;
    for (const fetched of await fetchOnce(cluster, unread, { ...limits, maxWaitMs: 0 }, signal)) {
      const { partition } = fetched;
      const end = to.get(partition);
      if (end === undefined || fetched.nextOffset === unread.get(partition)) continue;
      progress = true;
      const batch = cutAt(fetched, end);
      await onBatch(batch);
      if (batch.nextOffset < end) unread.set(partition, batch.nextOffset);
      else unread.delete(partition);
    }
    if (!progress) await pause(NOTHING_NEW_PAUSE_MS, signal);
  }
}

/** One fetch from each leader concerned. Throws the first failure of any partition. */
export function fetchOnce(
  cluster: TopicCluster,
  positions: ReadonlyMap<number, bigint>,
  limits: FetchLimits,
  signal?: AbortSignal,
): Promise<PartitionBatch[]> {
  return cluster.withMetadata(async (metadata) => {
    const results = await Promise.all(
      [...groupByLeader(positions.keys(), metadata)].map(async ([leader, partitions]) => {
        const connection = await cluster.connection(leader, signal);
        const wanted = pick(positions, partitions);
        return connection.send(fetchRequest({ ...limits, topic: cluster.topic, positions: wanted }), signal);
      }),
    );
    throwFirstFailure(results, positions);
    return results.flatMap(({ batches }) => batches);
  }, signal);
}

/** The part of `positions` that belongs to `partitions`. */
export function pick(
  positions: ReadonlyMap<number, bigint>,
  partitions: Iterable<number>,
): Map<number, bigint> {
  const picked = new Map<number, bigint>();
  for (const partition of partitions) {
    const position = positions.get(partition);
    if (position !== undefined) picked.set(partition, position);
  }
  return picked;
}

function throwFirstFailure(results: readonly FetchResult[], positions: ReadonlyMap<number, bigint>): void {
  for (const { failures } of results) {
    const [failure] = failures;
    if (!failure) continue;
    const { partition, error } = failure;
    throw isOutOfRange(error) ? new OffsetOutOfRangeError(partition, positions.get(partition) ?? 0n) : error;
  }
}

function cutAt(batch: PartitionBatch, end: bigint): PartitionBatch {
  if (batch.nextOffset <= end) return batch;
  return { ...batch, records: batch.records.filter((record) => record.offset < end), nextOffset: end };
}
