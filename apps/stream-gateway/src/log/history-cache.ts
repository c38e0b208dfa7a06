import type { EventBlock } from './event-block.ts';
import { firstIndexWhere } from './sorted-search.ts';

/** Blocks of history by the offsets they cover. When there are more than `maxBytes`, those go that were not used for longest. */
export interface HistoryCache {
  find(partition: number, offset: bigint): EventBlock | undefined;
  add(block: EventBlock): void;
  clear(): void;
}

export function createHistoryCache(maxBytes: number): HistoryCache {
  /** Least recently used first. */
  const byUse = new Set<EventBlock>();
  /** Of each partition, by their first offset. */
  const byOffset = new Map<number, EventBlock[]>();
  let sizeBytes = 0;

  function remove(block: EventBlock): void {
    const blocks = byOffset.get(block.partition) ?? [];
    blocks.splice(blocks.indexOf(block), 1);
    byUse.delete(block);
    sizeBytes -= block.sizeBytes;
  }

  return {
    find(partition, offset) {
      const blocks = byOffset.get(partition) ?? [];
      const block = blocks[firstIndexWhere(blocks, ({ from }) => from > offset) - 1];
      if (!block || offset >= block.next) return undefined;
      byUse.delete(block);
      byUse.add(block);
      return block;
    },

    add(block) {
      const blocks = byOffset.get(block.partition) ?? [];
      byOffset.set(block.partition, blocks);
      const same = blocks.find(({ from }) => from === block.from);
      if (same) remove(same);
      blocks.splice(
        firstIndexWhere(blocks, ({ from }) => from > block.from),
        0,
        block,
      );
      byUse.add(block);
      sizeBytes += block.sizeBytes;
      for (const oldest of byUse) {
        if (sizeBytes <= maxBytes) return;
        remove(oldest);
      }
    },

    clear() {
      byUse.clear();
      byOffset.clear();
      sizeBytes = 0;
    },
  };
}
