import type { EventPublisher, PublishableEvent, PublishOutcome } from '@order-events/domain';
import { readLedger } from './ledger.ts';
import { createLogReader } from '../read/log-reader.ts';
import { createLogWriter, type LogWriter, type LogWriterConfig } from './log-writer.ts';
import { publishInOrder } from './ordered-publish.ts';
import type { SettingFinding } from '../topic/settings-review.ts';
import { OtherClusterError } from '../cluster/topic-cluster.ts';
import { createSharedOffsets } from '../read/shared-offsets.ts';

/** What a partition holds at the moment from which on only the claimant writes to it. */
export interface PartitionClaim {
  readonly partition: number;
  readonly endOffset: bigint;
  /** What the topic holds from the given offset on, as `ledgerId` names it. */
  readonly publishedIds: Set<string>;
  /** The log ended before the given offset: it was truncated, or the topic was created again. */
  readonly truncated: boolean;
  /** Id of the topic that was claimed; a topic created again under the same name has another one. */
  readonly topicId: string;
}

export interface TopicDescription {
  /** Of the cluster that has the topic. */
  readonly clusterId: string;
  /** Kafka's id of the topic, as its tools print it. */
  readonly topicId: string;
  readonly partitionCount: number;
}

/** Publishes each event once, to partitions it has claimed; `publish` rejects for a partition that is not claimed. */
export interface KafkaPublisher extends EventPublisher {
  /** Asks a broker each time. Rejects when Kafka is away, or the topic is not there. */
  describeTopic(signal?: AbortSignal): Promise<TopicDescription>;
  /** What of the settings of the topic and its brokers ends a promise. Asks a broker each time. */
  reviewSettings(signal?: AbortSignal): Promise<SettingFinding[]>;
  /**
   * Fences every older owner of the partition, then finds its end, then what was published from `fromOffset` on (from the start of
   * the log when that is later). In a truncated log `fromOffset` means nothing: there it is what was published last.
   * Rejects when Kafka is away, or somebody else claims the partition meanwhile: claim again.
   */
  claim(partition: number, fromOffset: bigint, signal: AbortSignal): Promise<PartitionClaim>;
  /**
   * From now on nothing is claimed or published in another cluster, whoever answers at the addresses of the brokers. Without it, in
   * whichever answers.
   */
  belongTo(clusterId: string): void;
  /** Forgets a claim. */
  release(partition: number): void;
  /** Ends what is under way (its events are held or unknown) and closes all connections. */
  close(): Promise<void>;
}

const NEVER = new AbortController().signal;
/** Of a truncated log, so many offsets before its end: far more than is published before a writer notices. */
const TRUNCATED_LEDGER_OFFSETS = 100_000n;

/** Connects with the first call. `publish` tries until its signal aborts: give it one that ends with the right to publish. */
export function createKafkaPublisher(
  config: LogWriterConfig,
  writer: LogWriter = createLogWriter(config),
): KafkaPublisher {
  // What is stored counts, in whatever transaction it was written.
  const reader = createLogReader({ ...config, isolation: 'uncommitted' });
  const offsetOf = createSharedOffsets(reader);
  const claims = new Map<number, { nextOffset: bigint }>();
  /** Of the last claim of each partition. */
  const topicIds = new Map<number, string>();
  let meantCluster: string | undefined;

  async function publishGroup({ partition, events }: PartitionGroup, signal: AbortSignal) {
    const claim = claims.get(partition);
    if (!claim) throw new Error(`partition ${partition} is not claimed`);
    const { outcomes, nextOffset } = await publishInOrder({
      writer,
      partition,
      events,
      nextOffset: claim.nextOffset,
      observer: config.observer,
      signal,
    });
    if (nextOffset !== undefined) claim.nextOffset = nextOffset;
    else if (claims.get(partition) === claim) claims.delete(partition);
    return outcomes;
  }

  return {
    async publish(events, signal = NEVER) {
      const groups = groupByPartition(events);
      const unclaimed = groups.find(({ partition }) => !claims.has(partition));
      if (unclaimed) throw new Error(`partition ${unclaimed.partition} is not claimed`);
      const outcomes: PublishOutcome[] = [];
      await Promise.all(
        groups.map(async (group) => {
          const own = await publishGroup(group, signal);
          own.forEach((outcome, position) => {
            outcomes[group.indexes[position] ?? 0] = outcome;
          });
        }),
      );
      return outcomes;
    },

    describeTopic: (signal) => reader.describe(signal),
    reviewSettings: (signal) => reader.review(signal),

    async claim(partition, fromOffset, signal) {
      claims.delete(partition);
      const [{ clusterId, topicId }, startOffset, endBefore] = await Promise.all([
        reader.describe(signal),
        offsetOf('earliest', partition, signal),
        offsetOf('latest', partition, signal),
      ]);
      if (meantCluster !== undefined && clusterId !== meantCluster) {
        throw new OtherClusterError(clusterId, meantCluster);
      }
      await writer.claim(partition, signal);
      const endOffset = await offsetOf('latest', partition, signal);
      // A topic created again may be longer than the old one already. The fence takes an offset itself: it must not hide that the log
      // was shorter before.
      const recreated = (topicIds.get(partition) ?? topicId) !== topicId;
      const truncated = recreated || endBefore < fromOffset;
      const wanted = truncated ? endOffset - TRUNCATED_LEDGER_OFFSETS : fromOffset;
      const from = wanted > startOffset ? wanted : startOffset;
      const publishedIds = await readLedger(reader, { partition, from, to: endOffset }, signal);
      topicIds.set(partition, topicId);
      claims.set(partition, { nextOffset: endOffset });
      return { partition, endOffset, publishedIds, truncated, topicId };
    },

    belongTo(clusterId) {
      meantCluster = clusterId;
      writer.belongTo(clusterId);
    },

    release(partition) {
      claims.delete(partition);
      writer.release(partition);
    },

    close() {
      writer.close();
      reader.close();
      return Promise.resolve();
    },
  };
}

interface PartitionGroup {
  readonly partition: number;
  readonly events: PublishableEvent[];
  /** Places of the events in what was given to `publish`. */
  readonly indexes: number[];
}

function groupByPartition(events: readonly PublishableEvent[]): PartitionGroup[] {
  const groups = new Map<number, PartitionGroup>();
  events.forEach((event, index) => {
    const { partition } = event;
    let group = groups.get(partition);
    if (!group) groups.set(partition, (group = { partition, events: [], indexes: [] }));
    group.events.push(event);
    group.indexes.push(index);
  });
  return [...groups.values()];
}
