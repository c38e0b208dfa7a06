import { fetchFromLeader } from './leader-fetch.ts';
import { listOffsets, type PartitionPositions } from './log-offsets.ts';
import type { FetchLimits } from './log-range.ts';
import { createRetryPause } from './retry-pause.ts';
import { createSourceAvailability } from './source-availability.ts';
import { groupByLeader, leaderOf, type TopicCluster } from './topic-cluster.ts';
import type { BrokerAddress } from './wire/broker-address.ts';
import { fetchRequest, isOutOfRange, type PartitionBatch } from './wire/fetch.ts';
import { KafkaProtocolError } from './wire/protocol-error.ts';

export interface FollowHandlers {
  /**
   * Takes what was read, in order per partition; calls for partitions of different brokers may overlap. Reading goes on when the
   * promise resolves. An error ends `follow`.
   */
  onBatch(batch: PartitionBatch): void | Promise<void>;
  /** All partitions can be read, for the first time or again. */
  onAvailable(): void;
  /** Some or all partitions cannot be read; reading is tried again without end. */
  onUnavailable(error: Error): void;
  /**
   * The log does not have the position of a partition: it is older than the start, or beyond the end of a truncated log. Answers
   * where to go on.
   */
  onOutOfRange(partition: number, logStartOffset: bigint, highWatermark: bigint): bigint;
}

/** The topic was deleted and created again: positions in the old one mean nothing in the new one. */
export class TopicRecreatedError extends Error {
  override readonly name = 'TopicRecreatedError';
}

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 500;

/**
 * Reads the partitions of `positions` for ever, each from its leader. A partition that fails is given back and assigned again with
 * fresh metadata while the others go on. A position moves only when `onBatch` has taken what was read, so that nothing is skipped
 * or read twice. Resolves when `signal` aborts or the cluster is closed, once no `onBatch` is under way.
 */
export async function followLog(
  cluster: TopicCluster,
  positions: PartitionPositions,
  handlers: FollowHandlers,
  limits: FetchLimits,
  signal: AbortSignal,
): Promise<void> {
  const next = new Map(positions);
  const unassigned = new Set(next.keys());
  const outOfRange = new Set<number>();
  /** Partitions whose leader seems to have moved: told only when fresh metadata does not mend it. */
  const moved = new Set<number>();
  const readers = new Set<Promise<void>>();
  const retry = createRetryPause(FIRST_RETRY_MS, MAX_RETRY_MS);
  const availability = createSourceAvailability(unassigned, handlers);
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, cluster.closed, ended.signal]);
  let fatal: { error: unknown } | undefined;
  let wake = (): void => {};
  stop.addEventListener('abort', () => wake(), { once: true });

  function end(error: unknown): void {
    fatal ??= { error };
    ended.abort();
  }

  function giveBack(partition: number, error: Error): void {
    unassigned.add(partition);
    if (isOutOfRange(error)) outOfRange.add(partition);
    else if (error instanceof KafkaProtocolError && error.transient && !moved.has(partition)) {
      moved.add(partition);
    } else if (!stop.aborted) availability.lost(partition, error);
    wake();
  }

  async function read(leader: BrokerAddress, assigned: readonly number[]): Promise<void> {
    const partitions = new Set(assigned);
    try {
      const connection = await cluster.ownConnection(leader, stop);
      await fetchFromLeader({
        connection,
        partitions,
        positions: next,
        request: (wanted) => fetchRequest({ ...limits, topic: cluster.topic, positions: wanted }),
        onRead(partition) {
          moved.delete(partition);
          if (availability.read(partition)) retry.reset();
        },
        onBatch: (batch) => guarded(() => handlers.onBatch(batch)),
        onFailure: giveBack,
        signal: stop,
      }).finally(() => connection.close());
    } catch (error) {
      for (const partition of partitions) giveBack(partition, asError(error));
    }
  }

  async function guarded(handler: () => void | Promise<void>): Promise<void> {
    try {
      await handler();
    } catch (error) {
      end(error);
    }
  }

  async function assign(): Promise<void> {
    const metadata = await cluster.refresh(stop);
    if (metadata.topicId !== cluster.firstTopicId()) {
      return end(new TopicRecreatedError(`topic ${cluster.topic} was created again; its log starts anew`));
    }
    if (outOfRange.size > 0) {
      const ranges = await logRanges(cluster, [...outOfRange], stop);
      await guarded(() => moveIntoRange(next, ranges, handlers));
      outOfRange.clear();
    }
    const led = [...unassigned].filter((partition) => {
      try {
        return leaderOf(partition, metadata);
      } catch (error) {
        giveBack(partition, asError(error));
        return false;
      }
    });
    for (const [leader, partitions] of groupByLeader(led, metadata)) {
      for (const partition of partitions) unassigned.delete(partition);
      const reader = read(leader, partitions).finally(() => readers.delete(reader));
      readers.add(reader);
    }
  }

  while (!stop.aborted) {
    try {
      await assign();
    } catch (error) {
      for (const partition of unassigned) giveBack(partition, asError(error));
    }
    if (unassigned.size === 0 && !stop.aborted) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    await retry.wait(stop);
  }
  await Promise.all(readers);
  if (fatal) throw fatal.error;
}

interface LogRange {
  readonly partition: number;
  readonly start: bigint;
  readonly end: bigint;
}

async function logRanges(
  cluster: TopicCluster,
  partitions: readonly number[],
  signal: AbortSignal,
): Promise<LogRange[]> {
  const query = { partitions, isolation: 'uncommitted' } as const;
  const starts = await listOffsets(cluster, 'earliest', query, signal);
  const ends = await listOffsets(cluster, 'latest', query, signal);
  return partitions.map((partition) => ({
    partition,
    start: starts.get(partition) ?? 0n,
    end: ends.get(partition) ?? 0n,
  }));
}

/** A position that has come into range by itself, as when a replica caught up, stays. */
function moveIntoRange(
  positions: PartitionPositions,
  ranges: readonly LogRange[],
  handlers: FollowHandlers,
): void {
  for (const { partition, start, end } of ranges) {
    const position = positions.get(partition) ?? start;
    if (position >= start && position <= end) continue;
    positions.set(partition, handlers.onOutOfRange(partition, start, end));
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
