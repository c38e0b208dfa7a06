import { type FollowHandlers, followLog } from './log-follow.ts';
import { listOffsets, type LogPoint, type PartitionPositions } from './log-offsets.ts';
import { type FetchLimits, fetchOnce, readRange } from './log-range.ts';
import { createTopicCluster, type KafkaConnectionConfig } from './topic-cluster.ts';
import { DEFAULT_REQUEST_TIMEOUT_MS } from './wire/broker-connection.ts';
import type { Isolation, PartitionBatch } from './wire/fetch.ts';

/**
 * Reads a topic without a consumer group: no join, no rebalance, positions belong to the caller.
 * Except for `follow`, a call is tried again for a moment, with fresh metadata, and then rejects: it does not wait for a broker that
 * is away.
 */
export interface LogReader {
  /** Fresh metadata. */
  describe(signal?: AbortSignal): Promise<{ topicId: string; partitionCount: number }>;
  /** Positions of a place in the log; default: of all partitions. By time: the end where no record is that late. */
  offsets(at: LogPoint, partitions?: readonly number[], signal?: AbortSignal): Promise<PartitionPositions>;
  /**
   * Reads every partition of `to` from its position in `from` up to, but not including, the one in `to`. Finishes by offsets, not by
   * records. Rejects with OffsetOutOfRangeError when the log does not have a position.
   */
  read(
    from: PartitionPositions,
    to: PartitionPositions,
    onBatch: (batch: PartitionBatch) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void>;
  /** What the log has at `offset`, without waiting for more: about `maxBytes`, at least one batch if there is one. */
  fetchBlock(
    partition: number,
    offset: bigint,
    maxBytes: number,
    signal?: AbortSignal,
  ): Promise<PartitionBatch>;
  /**
   * Reads from `positions` on for ever. Survives brokers that stop, freeze or are not there yet, dead sockets, moving leaders, and a
   * topic that does not exist yet. Resolves when `signal` aborts; rejects with TopicRecreatedError when the topic is not the one
   * this reader saw first, and with what a handler throws.
   */
  follow(positions: PartitionPositions, handlers: FollowHandlers, signal: AbortSignal): Promise<void>;
  /** Ends everything under way and closes all connections. */
  close(): void;
}

export interface LogReaderConfig extends KafkaConnectionConfig {
  readonly topic: string;
  /** How long `follow` lets a broker wait for new records; less than the request time-out, default 250. */
  readonly maxWaitMs?: number;
  /** Bound of one response, default 8 MiB. */
  readonly maxBytes?: number;
  /** Bound of one partition in a response, default 1 MiB. */
  readonly partitionMaxBytes?: number;
  /** Default `committed`. */
  readonly isolation?: Isolation;
}

/** Connects with the first call. Throws a RangeError when the configuration cannot work. */
export function createLogReader(config: LogReaderConfig): LogReader {
  const limits: FetchLimits = {
    maxWaitMs: config.maxWaitMs ?? 250,
    maxBytes: config.maxBytes ?? 8 * 1024 * 1024,
    partitionMaxBytes: config.partitionMaxBytes ?? 1024 * 1024,
    isolation: config.isolation ?? 'committed',
  };
  const requestTimeoutMs = config.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  if (limits.maxWaitMs >= requestTimeoutMs) {
    throw new RangeError(
      `maxWaitMs (${limits.maxWaitMs}) must be less than requestTimeoutMs (${requestTimeoutMs})`,
    );
  }
  const cluster = createTopicCluster(config, config.topic);
  return {
    async describe(signal) {
      const { topicId, leaders } = await cluster.refresh(signal);
      return { topicId, partitionCount: leaders.length };
    },
    offsets: (at, partitions, signal) =>
      listOffsets(cluster, at, { partitions, isolation: limits.isolation }, signal),
    read: (from, to, onBatch, signal) => readRange(cluster, from, to, onBatch, limits, signal),
    async fetchBlock(partition, offset, maxBytes, signal) {
      const bounds = { ...limits, maxWaitMs: 0, maxBytes, partitionMaxBytes: maxBytes };
      const [batch] = await fetchOnce(cluster, new Map([[partition, offset]]), bounds, signal);
      if (!batch) throw new Error(`the broker answered nothing for partition ${partition}`);
      return batch;
    },
    follow: (positions, handlers, signal) => followLog(cluster, positions, handlers, limits, signal),
    close: () => cluster.close(),
  };
}
