import type { EventPublisher, PublishableEvent, PublishOutcome } from '@order-events/domain';
import type { LogMark } from './log-mark.ts';
import { EVENT_ID_HEADER } from '../message/order-event-headers.ts';
import { createLogReader } from '../read/log-reader.ts';
import { createLogWriter, type LogWriter, type LogWriterConfig } from './log-writer.ts';
import { publishInOrder } from './ordered-publish.ts';
import { readBack } from './read-back.ts';
import type { SettingFinding } from '../topic/settings-review.ts';
import { OtherClusterError } from '../cluster/topic-cluster.ts';
import { createSharedOffsets } from '../read/shared-offsets.ts';

/** What a partition holds at the moment from which on only the claimant writes to it. */
export interface PartitionClaim {
  readonly partition: number;
  readonly endOffset: bigint;
  /** What the topic holds from the given offset on, as `ledgerId` names it. */
  readonly publishedIds: Set<string>;
  /** Where the log begins, and where it ended before the claim. */
  readonly startOffset: bigint;
  readonly endBefore: bigint;
  /** What of the log was read for `publishedIds` begins there. */
  readonly readFrom: bigint;
  /** The log has lost its end: it was truncated, or the topic was created again. */
  readonly truncated: boolean;
  /** The last event that was read, or the given one. */
  readonly mark: LogMark;
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
   * the log when that is later). In a truncated log `fromOffset` means nothing: there it is what was published last. A log without
   * what `mark` names is truncated.
   * Rejects when Kafka is away, or somebody else claims the partition meanwhile: claim again.
   */
  claim(partition: number, fromOffset: bigint, signal: AbortSignal, mark?: LogMark): Promise<PartitionClaim>;
  /** Claimed partitions whose logs end before what was acknowledged: they were truncated. Claim them again. */
  truncated(signal: AbortSignal): Promise<number[]>;
  /**
   * Ids of the events at these offsets of a partition, which its log has; none where something else lies. Rejects when the topic is not the
   * claimed one any more.
   */
  eventsAt(
    partition: number,
    offsets: readonly bigint[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<bigint, string>>;
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
/** One record is looked for. */
const MARK_BYTES = 64 * 1024;

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

  function requireMeant(clusterId: string): void {
    if (meantCluster !== undefined && clusterId !== meantCluster) {
      throw new OtherClusterError(clusterId, meantCluster);
    }
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

    async claim(partition, fromOffset, signal, mark) {
      claims.delete(partition);
      const [{ clusterId, topicId }, startOffset, endBefore] = await Promise.all([
        reader.describe(signal),
        offsetOf('earliest', partition, signal),
        offsetOf('latest', partition, signal),
      ]);
      requireMeant(clusterId);
      await writer.claim(partition, signal);
      const endOffset = await offsetOf('latest', partition, signal);
      const formerId = topicIds.get(partition);
      const known = mark ?? (formerId === undefined ? undefined : { topicId: formerId });
      const log = { partition, topicId, startOffset, endBefore, endOffset, fromOffset, mark: known };
      const { ids, last, from, truncated } = await readBack(reader, log, signal);
      topicIds.set(partition, topicId);
      claims.set(partition, { nextOffset: endOffset });
      return {
        ...{
          partition,
          startOffset,
          endBefore,
          endOffset,
          publishedIds: ids,
          readFrom: from,
          truncated,
          topicId,
        },
        mark: { topicId, last: last ?? (truncated ? undefined : mark?.last) },
      };
    },

    async truncated(signal) {
      // What is appended while Kafka is asked comes later.
      const expected = [...claims].map(([partition, { nextOffset }]) => ({ partition, nextOffset }));
      if (expected.length === 0) return [];
      const { latest } = await reader.ends(signal);
      return expected
        .filter(({ partition, nextOffset }) => (latest[partition] ?? nextOffset) < nextOffset)
        .map(({ partition }) => partition);
    },

    async eventsAt(partition, offsets, signal) {
      const found = new Map<bigint, string>();
      for (const offset of offsets) {
        const { records } = await reader.fetchBlock(partition, offset, MARK_BYTES, signal);
        const eventId = records.find((record) => record.offset === offset)?.headers[EVENT_ID_HEADER];
        if (eventId) found.set(offset, eventId.toString());
      }
      // What another topic, or another cluster, has there says nothing of the claimed one.
      const { clusterId, topicId } = await reader.describe(signal);
      requireMeant(clusterId);
      if (topicId !== topicIds.get(partition)) throw new Error('the topic was created again meanwhile');
      return found;
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
