import { fetchFromLeader } from './leader-fetch.ts';
import { listOffsets, type PartitionPositions } from '../cluster/log-offsets.ts';
import type { FetchLimits } from './log-range.ts';
import { RETRY } from '../cluster/retry-figures.ts';
import { createRetryPause } from '../cluster/retry-pause.ts';
import { checkEpochs, type LeaderEpochs } from './leader-epochs.ts';
import { createSourceAvailability } from './source-availability.ts';
import { groupByLeader, leaderOf, type TopicCluster } from '../cluster/topic-cluster.ts';
import type { BrokerAddress } from '../wire/broker-address.ts';
import type { BrokerConnection } from '../wire/broker-connection.ts';
import { fetchRequest, isOutOfRange, type PartitionBatch } from '../wire/fetch.ts';
import { KafkaProtocolError } from '../wire/protocol-error.ts';
import { UnreadableBatchError } from '../wire/unreadable-batch.ts';

export interface FollowHandlers {
  /**
   * Takes what was read, in order per partition; calls for partitions of different brokers may overlap. Reading goes on when the
   * promise resolves. An error ends `follow`.
   */
  onBatch(batch: PartitionBatch): void | Promise<void>;
  /** Partitions can be read, for the first time or again: all, but for those that `onPartitionLost` was told. */
  onAvailable(): void;
  /** None can be read; reading is tried again without end. */
  onUnavailable(error: Error): void;
  /** This one cannot be read, whatever becomes of the others; it is tried again without end. */
  onPartitionLost?(partition: number, error: Error): void;
  /** One that was lost is read again. */
  onPartitionFound?(partition: number): void;
  /**
   * The log does not have the position of a partition: it is older than the start, or beyond the end of a truncated log. A log that
   * has grown past the position since ends where it was cut. Answers where to go on.
   */
  onOutOfRange(partition: number, start: bigint, end: bigint): bigint;
  /** A batch cannot be read, also after some attempts. Answers where to go on; left out: the partition stands there, and is lost. */
  onUnreadable?(batch: UnreadableBatchError): bigint;
}

/** The topic was deleted and created again: positions in the old one mean nothing in the new one. */
export class TopicRecreatedError extends Error {
  override readonly name = 'TopicRecreatedError';
}

/** Of a leader that counts none: it takes part in no comparison. */
const UNKNOWN_EPOCH = -1;

/** What has come over the network badly comes well by another connection; what a disk has changed does not. */
const UNREADABLE_ATTEMPTS = 3;

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
  epochs: LeaderEpochs = new Map(),
): Promise<void> {
  const next = new Map(positions);
  const unassigned = new Set(next.keys());
  const outOfRange = new Set<number>();
  /** Partitions whose leader seems to have moved: told only when fresh metadata does not mend it. */
  const moved = new Set<number>();
  /** How often a batch was met that cannot be read. */
  const unreadable = new Map<number, number>();
  const readers = new Set<Promise<void>>();
  const retry = createRetryPause(RETRY.follow);
  const availability = createSourceAvailability(unassigned, handlers);
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, cluster.closed, ended.signal]);
  const alarm = createAlarm(stop);

  function end(error: unknown): void {
    ended.abort(error);
  }

  function giveBack(partition: number, error: Error): void {
    unassigned.add(partition);
    if (isOutOfRange(error)) outOfRange.add(partition);
    else if (error instanceof UnreadableBatchError) metUnreadable(error);
    else if (error instanceof KafkaProtocolError && error.transient && !moved.has(partition)) {
      moved.add(partition);
    } else if (!stop.aborted) availability.lost(partition, error);
    alarm.wake();
  }

  function metUnreadable(batch: UnreadableBatchError): void {
    const { partition } = batch;
    const attempts = (unreadable.get(partition) ?? 0) + 1;
    unreadable.set(partition, attempts);
    if (attempts < UNREADABLE_ATTEMPTS || stop.aborted) return;
    unreadable.delete(partition);
    retry.reset();
    if (!handlers.onUnreadable) return availability.lost(partition, batch);
    try {
      next.set(partition, handlers.onUnreadable(batch));
    } catch (error) {
      end(error);
    }
  }

  async function read(leader: BrokerAddress, currentEpochs: ReadonlyMap<number, number>): Promise<void> {
    const partitions = new Set(currentEpochs.keys());
    const { topic } = cluster;
    let connection: BrokerConnection | undefined;
    try {
      connection = await cluster.ownConnection(leader, stop);
      const view = { connection, topic, currentEpochs };
      const onCut = async (partition: number, end: bigint) => {
        await guarded(() => void next.set(partition, handlers.onOutOfRange(partition, 0n, end)));
      };
      await checkEpochs(view, { partitions, positions: next, epochs, onCut, onFailure: giveBack }, stop);
      await fetchFromLeader({
        connection,
        partitions,
        positions: next,
        request: (positions) => fetchRequest({ ...limits, topic, positions, leaderEpochs: currentEpochs }),
        onRead(partition) {
          moved.delete(partition);
          unreadable.delete(partition);
          if (availability.read(partition)) retry.reset();
        },
        onBatch: (batch) => guarded(() => handlers.onBatch(batch)),
        onFailure: giveBack,
        signal: stop,
      });
    } catch (error) {
      for (const partition of partitions) giveBack(partition, asError(error));
    } finally {
      connection?.close();
    }
  }

  async function guarded(handler: () => void | Promise<void>): Promise<void> {
    try {
      await handler();
    } catch (error) {
      end(error);
    }
  }

  /** A position that has come into range by itself, as when a replica caught up, stays. */
  async function moveIntoRange(partition: number): Promise<void> {
    try {
      const { start, end } = await logRange(cluster, partition, stop);
      const position = next.get(partition) ?? start;
      outOfRange.delete(partition);
      if (position >= start && position <= end) return;
      await guarded(() => void next.set(partition, handlers.onOutOfRange(partition, start, end)));
    } catch (error) {
      giveBack(partition, asError(error));
    }
  }

  async function assign(): Promise<void> {
    const metadata = await cluster.refresh(stop);
    if (metadata.topicId !== cluster.firstTopicId()) {
      return end(new TopicRecreatedError(`topic ${cluster.topic} was created again; its log starts anew`));
    }
    if (outOfRange.size > 0) {
      await Promise.all([...outOfRange].map(moveIntoRange));
    }
    const led = [...unassigned].filter((partition) => {
      if (outOfRange.has(partition)) return false;
      try {
        return leaderOf(partition, metadata);
      } catch (error) {
        giveBack(partition, asError(error));
        return false;
      }
    });
    for (const [leader, partitions] of groupByLeader(led, metadata)) {
      for (const partition of partitions) unassigned.delete(partition);
      const currentEpochs = new Map(
        partitions.map((partition) => [partition, metadata.leaderEpochs[partition] ?? UNKNOWN_EPOCH]),
      );
      const reader = read(leader, currentEpochs).finally(() => readers.delete(reader));
      readers.add(reader);
    }
  }

  while (!stop.aborted) {
    try {
      await assign();
    } catch (error) {
      for (const partition of unassigned) giveBack(partition, asError(error));
    }
    if (unassigned.size === 0 && !stop.aborted) await alarm.wait();
    await retry.wait(stop);
  }
  await Promise.all(readers);
  ended.signal.throwIfAborted();
}

/** Lets one caller wait until somebody wakes it, or everything ends. */
function createAlarm(end: AbortSignal): { wake(): void; wait(): Promise<void> } {
  let wake = (): void => {};
  end.addEventListener('abort', () => wake(), { once: true });
  return {
    wake: () => wake(),
    wait: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
}

async function logRange(
  cluster: TopicCluster,
  partition: number,
  signal: AbortSignal,
): Promise<{ start: bigint; end: bigint }> {
  const query = { partitions: [partition], isolation: 'uncommitted' } as const;
  const starts = await listOffsets(cluster, 'earliest', query, signal);
  const ends = await listOffsets(cluster, 'latest', query, signal);
  return { start: starts.get(partition) ?? 0n, end: ends.get(partition) ?? 0n };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
