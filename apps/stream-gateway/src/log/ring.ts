import { emptyBlock, type EventBlock, extendBlock, type GrowingBlock, withoutEvents } from './event-block.ts';
import { firstIndexWhere } from './sorted-search.ts';

/** The newest part of the log in memory, per partition without a hole from `floor` to `head`. */
export interface Ring {
  /** Makes a partition begin, or begin anew, at an offset; what it held is dropped. */
  start(partition: number, offset: bigint): void;
  /**
   * Adds what follows `head`, and drops the oldest blocks of all partitions until the ring is within its bound. An event whose id
   * the ring holds already is left out. Answers how many were.
   */
  append(block: EventBlock): number;
  /** First offset that it holds; equal to `head` when it holds nothing. */
  floor(partition: number): bigint;
  /** Offset after the last one that it holds. */
  head(partition: number): bigint;
  /** The block that covers an offset; undefined outside floor and head. */
  blockAt(partition: number, offset: bigint): EventBlock | undefined;
  sizeBytes(): number;
  /** Log time of the oldest event that it holds. */
  oldestLogTimeMs(): number | undefined;
  clear(): void;
}

interface RingPartition {
  readonly blocks: GrowingBlock[];
  head: bigint;
}

/**
 * What comes in small pieces is joined to blocks, so that streams have few of them to walk over; but not to large ones, nor from a long
 * time: a block is dropped as a whole, and as old as its first event.
 */
const JOINED_EVENTS = 256;
const JOINED_MS = 500;
const JOINED_SHARE = 1 / 64;

/** A ring of at most `maxBytes`, but always with the newest block. */
export function createRing(maxBytes: number): Ring {
  const partitions = new Map<number, RingPartition>();
  const ledgerIds = new Set<string>();
  let sizeBytes = 0;

  function partitionOf(partition: number): RingPartition {
    const found = partitions.get(partition);
    if (!found) throw new RangeError(`partition ${partition} is not in the ring`);
    return found;
  }

  /** The block that what comes next belongs to. */
  function growingBlock({ blocks }: RingPartition, following: EventBlock): GrowingBlock {
    const last = blocks.at(-1);
    if (
      last &&
      !last.isGap &&
      !following.isGap &&
      last.events.length + following.events.length <= JOINED_EVENTS &&
      last.readAtMs + JOINED_MS >= following.readAtMs &&
      last.sizeBytes + following.sizeBytes <= maxBytes * JOINED_SHARE
    ) {
      return last;
    }
    const block = emptyBlock(following.partition, following.from, following.readAtMs, following.isGap);
    sizeBytes += block.sizeBytes;
    blocks.push(block);
    return block;
  }

  function forget(block: EventBlock): void {
    sizeBytes -= block.sizeBytes;
    for (const { ledgerId } of block.events) ledgerIds.delete(ledgerId);
  }

  /** Partitions are few: looking at each one's oldest block costs less than keeping a queue of all blocks. */
  function withOldestBlock(but: EventBlock): RingPartition | undefined {
    let oldest: RingPartition | undefined;
    let readAtMs = Number.POSITIVE_INFINITY;
    for (const partition of partitions.values()) {
      const block = partition.blocks[0];
      if (block && block !== but && block.readAtMs < readAtMs) {
        oldest = partition;
        readAtMs = block.readAtMs;
      }
    }
    return oldest;
  }

  function dropOldestBut(newest: EventBlock): void {
    while (sizeBytes > maxBytes) {
      const dropped = withOldestBlock(newest)?.blocks.shift();
      if (!dropped) return;
      forget(dropped);
    }
  }

  return {
    start(partition, offset) {
      for (const block of partitions.get(partition)?.blocks ?? []) forget(block);
      partitions.set(partition, { blocks: [], head: offset });
    },

    append(block) {
      const partition = partitionOf(block.partition);
      if (block.from !== partition.head) {
        throw new RangeError(
          `partition ${block.partition} goes on at ${partition.head}, not at ${block.from}`,
        );
      }
      if (block.next === block.from) return 0;
      const fresh = withoutEvents(block, ({ ledgerId }) => {
        if (ledgerIds.has(ledgerId)) return false;
        ledgerIds.add(ledgerId);
        return true;
      });
      const growing = growingBlock(partition, fresh);
      const before = growing.sizeBytes;
      extendBlock(growing, fresh);
      sizeBytes += growing.sizeBytes - before;
      partition.head = fresh.next;
      dropOldestBut(growing);
      return block.events.length - fresh.events.length;
    },

    floor(partition) {
      const { blocks, head } = partitionOf(partition);
      return blocks[0]?.from ?? head;
    },

    head: (partition) => partitionOf(partition).head,

    blockAt(partition, offset) {
      const { blocks } = partitionOf(partition);
      const block = blocks[firstIndexWhere(blocks, ({ next }) => next > offset)];
      return block && block.from <= offset ? block : undefined;
    },

    sizeBytes: () => sizeBytes,

    oldestLogTimeMs: () => {
      const times = [...partitions.values()].flatMap(({ blocks }) => oldestEventTimeMs(blocks));
      return times.length > 0 ? Math.min(...times) : undefined;
    },

    clear() {
      partitions.clear();
      ledgerIds.clear();
      sizeBytes = 0;
    },
  };
}

function oldestEventTimeMs(blocks: readonly EventBlock[]): number[] {
  const block = blocks.find(({ events }) => events.length > 0);
  const event = block?.events[0];
  return event ? [event.logTimeMs] : [];
}
