import type { PartitionBatch, PartitionPositions } from '@order-events/messaging';
import { createByteSlabs } from './byte-slabs.ts';
import { createEventBlock, type EventBlock, type SkippedRecordListener } from './event-block.ts';
import { createRing, type Ring } from './ring.ts';
import type { WakeUp } from './wake-up.ts';

/** A topic as Kafka knows it: when it is deleted and created again, its id is another one and its offsets start anew. */
export interface LogTopic {
  readonly id: string;
  readonly partitionCount: number;
}

export interface SourceState {
  /** Whether every partition can be read from Kafka. */
  readonly available: boolean;
  readonly since: Date;
}

/** What streams see of the log. */
export interface OrderLogView extends Pick<
  Ring,
  'blockAt' | 'floor' | 'head' | 'sizeBytes' | 'oldestLogTimeMs'
> {
  /** Undefined until Kafka has been reached for the first time. */
  topic(): LogTopic | undefined;
  source(): SourceState;
  /** Offset after the last record that the log is known to have; the ring may still have to be filled up to it. */
  end(partition: number): bigint;
  /** Kafka has said elsewhere that the log has these offsets, by partition, or ends there. */
  extendEnds(offsets: readonly bigint[]): void;
  /** Changes with everything that may be read from memory. */
  revision(): number;
  /** Changes when the log may not have an offset any more that it had: another topic, other partitions, a log that was truncated. */
  epoch(): number;
  /** Waits until something of the above may have changed; see WakeUp. */
  changed: WakeUp['wait'];
  /** Wakes those who wait although the log has not changed. */
  wake(): void;
}

/** What the tail tells of the log. */
export interface OrderLog extends OrderLogView {
  /** A topic was reached that is not the present one: reading starts at `from`, and its log ends at `end` now. */
  open(topicId: string, from: PartitionPositions, end: PartitionPositions): void;
  /** The present topic has got more partitions. */
  addPartitions(from: PartitionPositions): void;
  append(batch: PartitionBatch): void;
  /** Reading of a partition goes on elsewhere: the log was truncated, or has lost its oldest part before it was read. */
  restart(partition: number, offset: bigint): void;
  setAvailable(available: boolean): void;
}

export interface OrderLogListeners {
  readonly onSkipped: SkippedRecordListener;
  onIngested(events: number, duplicates: number): void;
  onSourceChanged(available: boolean): void;
}

const SLAB_BYTES = 256 * 1024;

/** The state that the tail writes and the streams read: the ring, where the log ends, and whether Kafka is there. */
export function createOrderLog(options: {
  ringBytes: number;
  wakeUp: WakeUp;
  listeners: OrderLogListeners;
}): OrderLog {
  const { wakeUp, listeners } = options;
  const ring = createRing(options.ringBytes);
  const takeBytes = createByteSlabs(SLAB_BYTES);
  const ends = new Map<number, bigint>();
  let topic: LogTopic | undefined;
  let revision = 0;
  let epoch = 0;
  let source: SourceState = { available: false, since: new Date() };

  function startPartitions(from: PartitionPositions, end: PartitionPositions): void {
    revision += 1;
    epoch += 1;
    for (const [partition, offset] of from) {
      ring.start(partition, offset);
      ends.set(partition, end.get(partition) ?? offset);
    }
  }

  function extendEnd(partition: number, offset: bigint): void {
    if (offset > (ends.get(partition) ?? 0n)) ends.set(partition, offset);
  }

  return {
    blockAt: (partition, offset): EventBlock | undefined => ring.blockAt(partition, offset),
    floor: (partition) => ring.floor(partition),
    head: (partition) => ring.head(partition),
    sizeBytes: () => ring.sizeBytes(),
    oldestLogTimeMs: () => ring.oldestLogTimeMs(),
    topic: () => topic,
    source: () => source,
    end: (partition) => ends.get(partition) ?? 0n,
    extendEnds: (offsets) => offsets.forEach((offset, partition) => extendEnd(partition, offset)),
    revision: () => revision,
    epoch: () => epoch,
    changed: (ms, signal, work, isDue) => wakeUp.wait(ms, signal, work, isDue),
    wake: () => wakeUp.notify(),

    open(topicId, from, end) {
      ring.clear();
      ends.clear();
      startPartitions(from, end);
      topic = { id: topicId, partitionCount: from.size };
      wakeUp.notify();
    },

    addPartitions(from) {
      if (!topic) throw new Error('no topic has been opened');
      startPartitions(from, from);
      topic = { id: topic.id, partitionCount: topic.partitionCount + from.size };
      wakeUp.notify();
    },

    append(batch) {
      const { partition, highWatermark } = batch;
      const block = createEventBlock(batch, ring.head(partition), listeners.onSkipped, takeBytes);
      const duplicates = ring.append(block);
      revision += 1;
      listeners.onIngested(block.events.length - duplicates, duplicates);
      extendEnd(partition, highWatermark);
      extendEnd(partition, block.next);
      wakeUp.notify();
    },

    restart(partition, offset) {
      startPartitions(new Map([[partition, offset]]), new Map([[partition, offset]]));
      wakeUp.notify();
    },

    setAvailable(available) {
      if (source.available === available) return;
      source = { available, since: new Date() };
      listeners.onSourceChanged(available);
      wakeUp.notify();
    },
  };
}
