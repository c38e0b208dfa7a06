import { type EventBlock, indexOfStatus } from '../log/event-block.ts';
import type { LogEvent } from '../log/log-event.ts';
import type { OrderLogView } from '../log/order-log.ts';
import { firstIndexWhere } from '../log/sorted-search.ts';
import type { EventFilter } from './event-filter.ts';

/** Offset of the next record to look at, by partition. */
export type Cursor = bigint[];

export interface BatchLimits {
  readonly maxEvents: number;
  /** Of the encoded events; a single larger one is sent alone. */
  readonly maxBytes: number;
  /** Events and blocks to look at, whether anything matches or not: the event loop must turn. */
  readonly maxScanned: number;
}

export interface EventBatch {
  /** In log order per partition, and so per order. */
  readonly events: readonly LogEvent[];
  /** Events that the cursor has passed, whether they were looked at or not. */
  readonly scanned: number;
  /** A partition whose next events are older than the ring, and not in `loaded` either. */
  readonly belowRing: number | undefined;
  /** Whether a limit ended the batch. */
  readonly full: boolean;
}

/**
 * Collects the next matching events of some partitions and moves the cursor past all it has looked at. It reads the partitions in the
 * order given: a caller that begins with another one each time serves all alike. `loaded` is a block of history that was fetched for
 * this cursor.
 */
export function readBatch(
  log: Pick<OrderLogView, 'blockAt' | 'head'>,
  cursor: Cursor,
  partitions: readonly number[],
  filter: EventFilter,
  limits: BatchLimits,
  loaded?: EventBlock,
): EventBatch {
  const events: LogEvent[] = [];
  let bytes = 0;
  let scanned = 0;
  let looks = 0;
  let belowRing: number | undefined;

  /** Answers false when a limit is reached. */
  function take(block: EventBlock, from: bigint): boolean {
    looks += 1;
    let passed = firstIndexWhere(block.events, ({ offset }) => offset >= from);
    const moveTo = (index: number, offset: bigint) => {
      scanned += index - passed;
      passed = index;
      cursor[block.partition] = offset;
    };
    for (;;) {
      const index = indexOfStatus(block, filter.statuses, passed);
      const event = block.events[index];
      if (!event) break;
      moveTo(index, event.offset);
      if (events.length >= limits.maxEvents || looks >= limits.maxScanned) return false;
      looks += 1;
      if (filter(event)) {
        if (events.length > 0 && bytes + event.encoded.length > limits.maxBytes) return false;
        events.push(event);
        bytes += event.encoded.length;
      }
      moveTo(index + 1, event.offset + 1n);
    }
    moveTo(block.events.length, block.next);
    return true;
  }

  for (const partition of partitions) {
    for (let next = cursor[partition] ?? 0n; next < log.head(partition); next = cursor[partition] ?? 0n) {
      const block = log.blockAt(partition, next) ?? (covers(loaded, partition, next) ? loaded : undefined);
      if (!block) {
        belowRing ??= partition;
        break;
      }
      if (!take(block, next)) return { events, scanned, belowRing, full: true };
    }
  }
  return { events, scanned, belowRing, full: false };
}

function covers(block: EventBlock | undefined, partition: number, offset: bigint): boolean {
  return block?.partition === partition && block.from <= offset && offset < block.next;
}

/** All partitions from `first` on, and then those before it. */
export function partitionsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, turn) => (first + turn) % count);
}
