import {
  type LogOffsets,
  type PartitionBatch,
  type PartitionPositions,
  type TopicLayout,
  truncatedLayout,
  UNCHANGED_LAYOUT,
  withoutLost,
} from '@order-events/messaging';
import { createByteSlabs } from './byte-slabs.ts';
import { createEventBlock, createGapBlock, type SkippedRecordListener } from './event-block.ts';
import { createLogCuts, type LogCuts } from './log-cuts.ts';
import { createKnownEnds } from './known-ends.ts';
import { createLogEdges, type LogEdge, type LogEdges } from './log-edge.ts';
import { createLogSource, type SourceState } from './log-source.ts';
import { createRing, type Ring } from './ring.ts';
import { createTopicCheck, type TopicCheck } from './topic-check.ts';
import type { WakeUp } from './wake-up.ts';

/** A topic as Kafka knows it: when it is deleted and created again, its id is another one and its offsets start anew. */
export interface LogTopic {
  readonly id: string;
  readonly partitionCount: number;
}

/** What streams see of the log. */
export interface OrderLogView extends Pick<
  Ring,
  'blockAt' | 'floor' | 'head' | 'sizeBytes' | 'oldestLogTimeMs'
> {
  /** Undefined until Kafka has been reached for the first time. */
  topic(): LogTopic | undefined;
  source(): SourceState;
  /** Whether the partition is read, or was never found not to be: one without a leader is waited for alone. */
  isReadable(partition: number): boolean;
  /** Those that are not. */
  waitingPartitions(): readonly number[];
  /** Where the number of partitions has changed, as far as it matters to what the log still has. */
  layout(): TopicLayout;
  /**
   * Offset after the last record that the log is known to have; the ring may still have to be filled up to it. Undefined as long as
   * Kafka has not said where the partition begins and ends: it had no leader when the log was opened.
   */
  end(partition: number): bigint | undefined;
  /** Kafka has said elsewhere that the log has these offsets, by partition, or ends there; undefined says nothing. */
  extendEnds(offsets: LogOffsets): void;
  /**
   * Kafka has said elsewhere that the topic is this one and has so many partitions. Answers whether the log is of that topic and has
   * them all; when it is not, or has not, the tail looks again, soon.
   */
  keepsUpWith(topicId: string, partitionCount: number): boolean;
  edge: LogEdges['now'];
  followEdge: LogEdges['follow'];
  /** Changes with everything that may be read from memory. */
  revision(): number;
  /** Changes when the log may not have an offset any more that it had: another topic, other partitions, a log that was truncated. */
  epoch(): number;
  /** Whether the log was truncated to before an offset after that epoch, whatever it has there by now. */
  hasCutBelow: LogCuts['hasCutBelow'];
  /** Waits until something of the above may have changed; see WakeUp. */
  changed: WakeUp['wait'];
  /** Wakes those who wait although the log has not changed. */
  wake(): void;
}

/** What the tail tells of the log. */
export interface OrderLog extends OrderLogView {
  /** See TopicCheck. */
  readonly checkDue: TopicCheck['due'];
  /**
   * A topic was reached that is not the present one: reading starts at `from`, and its log ends at `end` now. Its other partitions wait
   * until they are restarted.
   */
  open(topicId: string, from: PartitionPositions, end: PartitionPositions, partitionCount?: number): void;
  /** The present topic has got more partitions; those that are not in `from` wait likewise. */
  addPartitions(from: PartitionPositions, partitionCount: number): void;
  /** To be told before there is anything that may lie beyond a change: before a topic is opened, before partitions are added. */
  setLayout(layout: TopicLayout): void;
  append(batch: PartitionBatch): void;
  /** The log cannot be read from the head of the partition up to `next`. */
  appendGap(partition: number, next: bigint): void;
  /**
   * Reading of a partition goes on elsewhere: the log was truncated, and nothing waits for what is lost, or has lost its oldest part
   * before it was read. Or it begins: Kafka says for the first time where the partition is, and that its log ends at `end` now.
   */
  restart(partition: number, offset: bigint, end?: bigint): void;
  /** The log was truncated to an end that reading has not passed yet. */
  cut(partition: number, end: bigint): void;
  setAvailable(available: boolean): void;
  setReadable(partition: number, readable: boolean): void;
}

export interface OrderLogListeners {
  readonly onSkipped: SkippedRecordListener;
  onIngested(events: number, duplicates: number): void;
  onSourceChanged(available: boolean): void;
}

export interface OrderLogOptions {
  readonly ringBytes: number;
  readonly wakeUp: WakeUp;
  readonly listeners: OrderLogListeners;
}

const SLAB_BYTES = 256 * 1024;

/** The state that the tail writes and the streams read: the ring, where the log ends, and whether Kafka is there. */
export function createOrderLog({ ringBytes, wakeUp, listeners }: OrderLogOptions): OrderLog {
  const ring = createRing(ringBytes);
  const { blockAt, floor, head, sizeBytes, oldestLogTimeMs } = ring;
  const takeBytes = createByteSlabs(SLAB_BYTES);
  const [ends, cuts] = [createKnownEnds(), createLogCuts()];
  const check = createTopicCheck();
  const source = createLogSource();
  let topic: LogTopic | undefined;
  let [revision, epoch] = [0, 0];
  let layout = UNCHANGED_LAYOUT;
  const edges = createLogEdges(readEdge, wakeUp.notify);

  function readEdge(): LogEdge | undefined {
    if (!topic) return undefined;
    const next = Array.from({ length: topic.partitionCount }, (_, partition) => head(partition));
    return { topicId: topic.id, next };
  }

  function startPartitions(from: PartitionPositions, end: PartitionPositions): void {
    revision += 1;
    epoch += 1;
    for (const [partition, offset] of from) ring.start(partition, offset);
    ends.restart(from, end);
    ends.extendTo(layout);
  }

  /** Partitions of which nothing is known yet hold nothing, and are not read. */
  function grow(to: LogTopic, first: number, from: PartitionPositions, end: PartitionPositions): void {
    for (let partition = first; partition < to.partitionCount; partition += 1) {
      if (!from.has(partition)) ring.start(partition, 0n);
      source.setReadable(partition, from.has(partition));
    }
    startPartitions(from, end);
    topic = to;
  }

  /** Does what changes what may be read. */
  function disturbReading(change: () => void): void {
    revision += 1;
    edges.disturbing(change);
  }

  return {
    ...{ blockAt, floor, head, sizeBytes, oldestLogTimeMs },
    ...{ source: source.state, isReadable: source.isReadable, waitingPartitions: source.waitingPartitions },
    ...{ edge: edges.now, followEdge: edges.follow },
    ...{ end: ends.end, extendEnds: ends.extendAll, hasCutBelow: cuts.hasCutBelow, checkDue: check.due },
    ...{ topic: () => topic, layout: () => layout, revision: () => revision, epoch: () => epoch },
    keepsUpWith(topicId, partitionCount) {
      const isUpToDate = topic?.id === topicId && partitionCount <= topic.partitionCount;
      if (!isUpToDate) check.request();
      return isUpToDate;
    },
    changed: wakeUp.wait,
    wake: () => edges.disturbing(() => {}),

    open(topicId, from, end, partitionCount = from.size) {
      edges.disturbing(() => {
        ring.clear();
        ends.clear();
        cuts.clear();
        source.forgetPartitions();
        grow({ id: topicId, partitionCount }, 0, from, end);
      });
    },

    addPartitions(from, partitionCount) {
      edges.disturbing(() => {
        if (!topic) throw new Error('no topic has been opened');
        grow({ ...topic, partitionCount }, topic.partitionCount, from, from);
      });
    },

    append(batch) {
      const { partition, highWatermark } = batch;
      const block = createEventBlock(batch, ring.head(partition), listeners.onSkipped, takeBytes);
      revision += 1;
      edges.growing(() => {
        const duplicates = ring.append(block);
        listeners.onIngested(block.events.length - duplicates, duplicates);
        ends.extend(partition, highWatermark);
        ends.extend(partition, block.next);
        return block.events;
      });
    },

    appendGap(partition, next) {
      disturbReading(() => {
        ring.append(createGapBlock(partition, ring.head(partition), next));
        ends.extend(partition, next);
      });
    },

    setLayout(changes) {
      disturbReading(() => {
        layout = withoutLost(changes);
        ends.extendTo(layout);
      });
    },

    restart(partition, offset, end = offset) {
      edges.disturbing(() => {
        const isCut = offset < ring.head(partition);
        if (isCut) layout = truncatedLayout(layout, partition, offset);
        startPartitions(new Map([[partition, offset]]), new Map([[partition, end]]));
        if (isCut) cuts.add(epoch, partition, offset);
      });
    },

    cut(partition, end) {
      disturbReading(() => {
        epoch += 1;
        layout = truncatedLayout(layout, partition, end);
        cuts.add(epoch, partition, end);
        ends.restart(new Map([[partition, end]]), new Map());
      });
    },
    setAvailable(available) {
      if (!source.setAvailable(available)) return;
      listeners.onSourceChanged(available);
      edges.disturbing(() => {});
    },

    setReadable(partition, readable) {
      // What streams read of it from history depends on it.
      disturbReading(() => source.setReadable(partition, readable));
    },
  };
}
