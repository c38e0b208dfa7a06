import type { LogReader } from '@order-events/messaging';
import { createEventBlock, type EventBlock } from './event-block.ts';
import { createHistoryCache } from './history-cache.ts';

/** Reads what the ring does not hold any more. */
export interface History {
  /**
   * The events from an offset on: what one bounded fetch brings. Streams that ask for the same share one fetch, and blocks are kept
   * while there is room. Rejects with OffsetOutOfRangeError when the log does not have the offset, and when Kafka is away.
   */
  read(topicId: string, partition: number, offset: bigint): Promise<EventBlock>;
}

export interface HistoryOptions {
  readonly reader: Pick<LogReader, 'fetchBlock'>;
  /** Bound of the blocks that are kept. */
  readonly maxBytes: number;
  readonly maxConcurrentFetches: number;
  readonly onFetch: () => void;
  /** So many events of a fetch have been decoded and encoded for the streams. */
  readonly onEncoded?: (events: number) => void;
}

/** The broker sends at least one whole batch, also when it is larger. */
const FETCH_BYTES = 128 * 1024;

/** A cache of log blocks that drops the least recently used, with one fetch per block however many ask. */
export function createHistory(options: HistoryOptions): History {
  const cache = createHistoryCache(options.maxBytes);
  const fetches = new Map<string, Promise<EventBlock>>();
  const slots = createSlots(options.maxConcurrentFetches);
  let cachedTopicId: string | undefined;

  async function fetchBlock(topicId: string, partition: number, offset: bigint): Promise<EventBlock> {
    await slots.take();
    try {
      options.onFetch();
      const batch = await options.reader.fetchBlock(partition, offset, FETCH_BYTES);
      // Records that are no order events were counted and logged when the tail met them.
      const block = createEventBlock(batch, offset, () => {});
      options.onEncoded?.(block.events.length);
      if (topicId === cachedTopicId && block.next > block.from) cache.add(block);
      return block;
    } finally {
      slots.give();
    }
  }

  return {
    read(topicId, partition, offset) {
      if (topicId !== cachedTopicId) {
        cache.clear();
        cachedTopicId = topicId;
      }
      const block = cache.find(partition, offset);
      if (block) return Promise.resolve(block);
      const name = `${topicId}/${partition}/${offset}`;
      const shared = fetches.get(name);
      if (shared) return shared;
      const fetching = fetchBlock(topicId, partition, offset).finally(() => fetches.delete(name));
      fetches.set(name, fetching);
      return fetching;
    },
  };
}

/** Lets a limited number of callers in; the others wait in line. */
function createSlots(count: number): { take(): Promise<void>; give(): void } {
  const line: (() => void)[] = [];
  let free = count;
  return {
    take() {
      if (free > 0) {
        free -= 1;
        return Promise.resolve();
      }
      return new Promise((resolve) => line.push(resolve));
    },
    give() {
      const next = line.shift();
      if (next) next();
      else free += 1;
    },
  };
}
