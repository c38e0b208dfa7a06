import { type LogReader, UnreadableBatchError } from '@order-events/messaging';
import { createEventBlock, createGapBlock, type EventBlock } from './event-block.ts';
import { createSlots } from '../stream/slots.ts';
import { createHistoryCache } from './history-cache.ts';
import { createHistoryPass, type HistoryPass } from './history-pass.ts';

/** Reads what the ring does not hold any more. */
export interface History extends HistoryPass {
  /**
   * The events from an offset on: what one bounded fetch brings. Streams that ask for the same share one fetch, and blocks are kept
   * while there is room and the log is the one that they were read in: `epoch` is its present one, see OrderLogView. Rejects with
   * OffsetOutOfRangeError when the log does not have the offset, and when Kafka is away.
   */
  read(epoch: number, partition: number, offset: bigint): Promise<EventBlock>;
}

export interface HistoryOptions {
  readonly reader: Pick<LogReader, 'fetchBlock'>;
  /** Bound of the blocks that are kept. */
  readonly maxBytes: number;
  readonly maxConcurrentFetches: number;
  readonly onFetch: () => void;
  /** So many events of a fetch have been decoded and encoded for the streams. */
  readonly onEncoded?: (events: number) => void;
  /** Told of each batch that cannot be read, and is passed. */
  readonly onUnreadable?: (batch: UnreadableBatchError) => void;
}

/** The broker sends at least one whole batch, also when it is larger. */
const FETCH_BYTES = 128 * 1024;

/** A cache of log blocks that drops the least recently used, with one fetch per block however many ask. */
export function createHistory(options: HistoryOptions): History {
  const cache = createHistoryCache(options.maxBytes);
  const fetches = new Map<string, Promise<EventBlock>>();
  const slots = createSlots(options.maxConcurrentFetches);
  let cachedEpoch: number | undefined;

  async function readBlock(partition: number, offset: bigint): Promise<EventBlock> {
    try {
      const batch = await options.reader.fetchBlock(partition, offset, FETCH_BYTES);
      // Records that are no order events were counted and logged when the tail met them.
      return createEventBlock(batch, offset, () => {});
    } catch (error) {
      if (!(error instanceof UnreadableBatchError)) throw error;
      options.onUnreadable?.(error);
      return createGapBlock(partition, offset, error.nextOffset);
    }
  }

  async function fetchBlock(epoch: number, partition: number, offset: bigint): Promise<EventBlock> {
    options.onFetch();
    const block = await readBlock(partition, offset);
    options.onEncoded?.(block.events.length);
    if (epoch === cachedEpoch && block.next > block.from) cache.add(block);
    return block;
  }

  function find(epoch: number, partition: number, offset: bigint): EventBlock | undefined {
    // Who has waited for its turn may ask for what was in the log before it changed.
    if (cachedEpoch === undefined || epoch > cachedEpoch) {
      cache.clear();
      cachedEpoch = epoch;
    }
    return epoch === cachedEpoch ? cache.find(partition, offset) : undefined;
  }

  function read(epoch: number, partition: number, offset: bigint): Promise<EventBlock> {
    const block = find(epoch, partition, offset);
    if (block) return Promise.resolve(block);
    const name = `${epoch}/${partition}/${offset}`;
    const shared = fetches.get(name);
    if (shared) return shared;
    const fetching = slots
      .run(() => fetchBlock(epoch, partition, offset))
      .finally(() => fetches.delete(name));
    fetches.set(name, fetching);
    return fetching;
  }

  const { join } = createHistoryPass({
    has: (epoch, { partition, offset }) => find(epoch, partition, offset) !== undefined,
    read: (epoch, { partition, offset }) => read(epoch, partition, offset),
  });
  return { read, join };
}
