import type { PartitionPositions } from '../cluster/log-offsets.ts';
import { pause } from '../cluster/retry-pause.ts';
import { groupByLeader, type TopicCluster } from '../cluster/topic-cluster.ts';
import {
  fetchRequest,
  type FetchResult,
  type Isolation,
  isOutOfRange,
  type PartitionBatch,
} from '../wire/fetch.ts';
import { UnreadableBatchError } from '../wire/unreadable-batch.ts';

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
/** What has come over the network badly comes well the next time; what a disk has changed does not. */
const UNREADABLE_ATTEMPTS = 3;
const UNREADABLE_PAUSE_MS = 100;

/**
 * Reads each partition of `to` from its position in `from` (which must have it) up to the one in `to`, exclusive. It ends by
 * offsets: a log may end with control records, which are never seen. `onBatch` is awaited, one call at a time. A batch that cannot be
 * read is told to `onUnreadable` and passed; without that it rejects with the UnreadableBatchError.
 */
export async function readRange(
  cluster: TopicCluster,
  from: PartitionPositions,
  to: PartitionPositions,
  onBatch: (batch: PartitionBatch) => void | Promise<void>,
  limits: FetchLimits,
  signal?: AbortSignal,
  onUnreadable?: (batch: UnreadableBatchError) => void,
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
    const { batches, unreadable } = await fetchOnce(cluster, unread, { ...limits, maxWaitMs: 0 }, signal);
    for (const batch of unreadable) {
      const end = to.get(batch.partition);
      if (!onUnreadable || end === undefined) throw batch;
      progress = true;
      onUnreadable(batch);
      if (batch.nextOffset < end) unread.set(batch.partition, batch.nextOffset);
      else unread.delete(batch.partition);
    }
    for (const fetched of batches) {
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

export interface FetchedOnce {
  readonly batches: readonly PartitionBatch[];
  /** Of partitions whose next batch cannot be read, also after some attempts. */
  readonly unreadable: readonly UnreadableBatchError[];
}

/** One fetch from each leader concerned, and more for what cannot be read. Throws the first failure of any partition. */
export async function fetchOnce(
  cluster: TopicCluster,
  positions: ReadonlyMap<number, bigint>,
  limits: FetchLimits,
  signal?: AbortSignal,
): Promise<FetchedOnce> {
  let { batches, unreadable } = await fetchFromLeaders(cluster, positions, limits, signal);
  for (let attempt = 2; unreadable.length > 0 && attempt <= UNREADABLE_ATTEMPTS; attempt += 1) {
    await pause(UNREADABLE_PAUSE_MS, signal);
    const again = pick(
      positions,
      unreadable.map(({ partition }) => partition),
    );
    const fetched = await fetchFromLeaders(cluster, again, limits, signal);
    batches = [...batches, ...fetched.batches];
    ({ unreadable } = fetched);
  }
  return { batches, unreadable };
}

function fetchFromLeaders(
  cluster: TopicCluster,
  positions: ReadonlyMap<number, bigint>,
  limits: FetchLimits,
  signal?: AbortSignal,
): Promise<FetchedOnce> {
  return cluster.withMetadata(async (metadata) => {
    const results = await Promise.all(
      [...groupByLeader(positions.keys(), metadata)].map(async ([leader, partitions]) => {
        const connection = await cluster.connection(leader, signal);
        const wanted = pick(positions, partitions);
        return connection.send(fetchRequest({ ...limits, topic: cluster.topic, positions: wanted }), signal);
      }),
    );
    const failures = results.flatMap((result) => result.failures);
    throwFirstFailure(failures, positions);
    return {
      batches: results.flatMap((result) => result.batches),
      unreadable: failures.map(({ error }) => error).filter(isUnreadable),
    };
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

const isUnreadable = (error: Error) => error instanceof UnreadableBatchError;

function throwFirstFailure(failures: FetchResult['failures'], positions: ReadonlyMap<number, bigint>): void {
  const failure = failures.find(({ error }) => !isUnreadable(error));
  if (!failure) return;
  const { partition, error } = failure;
  throw isOutOfRange(error) ? new OffsetOutOfRangeError(partition, positions.get(partition) ?? 0n) : error;
}

function cutAt(batch: PartitionBatch, end: bigint): PartitionBatch {
  if (batch.nextOffset <= end) return batch;
  return { ...batch, records: batch.records.filter((record) => record.offset < end), nextOffset: end };
}
