import { readEffectiveSettings } from '../topic/effective-settings.ts';
import { createLogQuestions, type LogEnds, type LogPlace, type LogRange } from './log-ends.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import { type FollowHandlers, followLog } from './log-follow.ts';
import {
  listAllOffsets,
  listOffsets,
  type LogPoint,
  type PartitionPositions,
} from '../cluster/log-offsets.ts';
import { type FetchLimits, fetchOnce, readRange } from './log-range.ts';
import { reviewSettings, type SettingFinding } from '../topic/settings-review.ts';
import { createSharedRounds } from './shared-rounds.ts';
import { createTopicCluster, type KafkaConnectionConfig } from '../cluster/topic-cluster.ts';
import { DEFAULT_REQUEST_TIMEOUT_MS } from '../wire/broker-connection.ts';
import type { Isolation, PartitionBatch } from '../wire/fetch.ts';
import type { UnreadableBatchError } from '../wire/unreadable-batch.ts';

/**
 * Reads a topic without a consumer group: no join, no rebalance, positions belong to the caller.
 * Except for `follow`, a call is tried again for a moment, with fresh metadata, and then rejects: it does not wait for a broker that
 * is away.
 */
export interface LogReader {
  /** Fresh metadata. */
  describe(signal?: AbortSignal): Promise<{ clusterId: string; topicId: string; partitionCount: number }>;
  /** What of the settings of the topic and its brokers ends a promise. Asks a broker each time. */
  review(signal?: AbortSignal): Promise<SettingFinding[]>;
  /** What the topic keeps; undefined when the user may not know it. Asks a broker each time. */
  retention(signal?: AbortSignal): Promise<LogRetention | undefined>;
  /** Both ends of the log of one topic; without those of partitions that cannot be asked, see LogQuestions. Calls share the answers, which are never older than the call. */
  ends(signal?: AbortSignal): Promise<LogEnds>;
  /** The same, and the time of the oldest record. Calls share the answers, which come ten times a second at most. */
  range(signal?: AbortSignal): Promise<LogRange>;
  /** A place in the log of one topic, by the same rules. By time: the end where no record is that late. */
  place(at: LogPoint, signal?: AbortSignal): Promise<LogPlace>;
  /** Positions of a place in the log; default: of all partitions that the topic has now. */
  offsets(at: LogPoint, partitions?: readonly number[], signal?: AbortSignal): Promise<PartitionPositions>;
  /**
   * Reads every partition of `to` from its position in `from` up to, but not including, the one in `to`. Finishes by offsets, not by
   * records. Rejects with OffsetOutOfRangeError when the log does not have a position, and with UnreadableBatchError at a batch that
   * cannot be read, unless `onUnreadable` is told of it: then it goes on behind it.
   */
  read(
    from: PartitionPositions,
    to: PartitionPositions,
    onBatch: (batch: PartitionBatch) => void | Promise<void>,
    signal?: AbortSignal,
    onUnreadable?: (batch: UnreadableBatchError) => void,
  ): Promise<void>;
  /** What the log has at `offset`, without waiting for more: about `maxBytes`, at least one batch if there is one. Rejects as `read` does. */
  fetchBlock(
    partition: number,
    offset: bigint,
    maxBytes: number,
    signal?: AbortSignal,
  ): Promise<PartitionBatch>;
  /**
   * Reads from `positions` on for ever. Survives brokers that stop, freeze or are not there yet, dead sockets, moving leaders, and a
   * topic that does not exist yet. Resolves when `signal` aborts; rejects with TopicRecreatedError when the topic is not the one
   * this reader saw first, and with what a handler throws. `epochs` belong to the positions, and are kept up to date: with those of a
   * former call a log is noticed that was cut in between.
   */
  follow(
    positions: PartitionPositions,
    handlers: FollowHandlers,
    signal: AbortSignal,
    epochs?: LeaderEpochs,
  ): Promise<void>;
  /** Ends everything under way and closes all connections. */
  close(): void;
}

/** Infinity where nothing bounds it. */
export interface LogRetention {
  readonly ms: number;
  /** Of each partition. */
  readonly bytes: number;
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

/** Who asks for the range again and again must not keep a broker busy. */
const RANGE_INTERVAL_MS = 100;

/** Connects with the first call. Throws a RangeError when the configuration cannot work. */
export function createLogReader(config: LogReaderConfig): LogReader {
  const limits: FetchLimits = {
    maxWaitMs: config.maxWaitMs ?? 250,
    maxBytes: config.maxBytes ?? 8 * 1024 * 1024,
    partitionMaxBytes: config.partitionMaxBytes ?? 1024 * 1024,
    isolation: config.isolation ?? 'committed',
  };
  const { isolation } = limits;
  const requestTimeoutMs = config.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  if (limits.maxWaitMs >= requestTimeoutMs) {
    throw new RangeError(
      `maxWaitMs (${limits.maxWaitMs}) must be less than requestTimeoutMs (${requestTimeoutMs})`,
    );
  }
  const cluster = createTopicCluster(config, config.topic);
  const questions = createLogQuestions(cluster, isolation);
  return {
    async describe(signal) {
      const { clusterId, topicId, leaders } = await cluster.refresh(signal);
      return { clusterId, topicId, partitionCount: leaders.length };
    },
    async retention(signal) {
      const { topic } = await readEffectiveSettings(cluster, signal);
      return topic && { ms: bound(topic.get('retention.ms')), bytes: bound(topic.get('retention.bytes')) };
    },
    review: async (signal) => reviewSettings(await readEffectiveSettings(cluster, signal)),
    ends: createSharedRounds(() => questions.ends()),
    range: createSharedRounds(() => questions.range(), RANGE_INTERVAL_MS),
    place: questions.place,
    offsets: (at, partitions, signal) =>
      partitions
        ? listOffsets(cluster, at, { partitions, isolation }, signal)
        : listAllOffsets(cluster, at, isolation, signal),
    read: (from, to, onBatch, signal, onUnreadable) =>
      readRange(cluster, from, to, onBatch, limits, signal, onUnreadable),
    async fetchBlock(partition, offset, maxBytes, signal) {
      const bounds = { ...limits, maxWaitMs: 0, maxBytes, partitionMaxBytes: maxBytes };
      const { batches, unreadable } = await fetchOnce(
        cluster,
        new Map([[partition, offset]]),
        bounds,
        signal,
      );
      if (unreadable[0]) throw unreadable[0];
      const [batch] = batches;
      if (!batch) throw new Error(`the broker answered nothing for partition ${partition}`);
      return batch;
    },
    follow: (positions, handlers, signal, epochs) =>
      followLog(cluster, positions, handlers, limits, signal, epochs),
    close: () => cluster.close(),
  };
}

/** Kafka's -1 is no bound. */
function bound(setting = '-1'): number {
  return Number(setting) < 0 ? Number.POSITIVE_INFINITY : Number(setting);
}
