import { readableUpTo, type TopicLayout, withoutPassed } from '@order-events/messaging';
import { type EventBlock, indexOfStatus } from './event-block.ts';
import type { LogEvent } from './log-event.ts';
import type { OrderLogView } from './order-log.ts';
import { firstIndexWhere } from './sorted-search.ts';
import type { EventFilter } from './event-filter.ts';

/** Offset of the next record to look at, by partition; undefined where it is not known: such a partition is passed over. */
export type Cursor = (bigint | undefined)[];

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
  /** Partitions whose next events are older than the ring, and not in `loaded` either, in the order in which they were read. */
  readonly belowRing: readonly number[];
  /** Whether a limit ended the batch. */
  readonly full: boolean;
  /** The cursor has passed what cannot be read, and no event. */
  readonly gap: { readonly partition: number; readonly from: bigint; readonly next: bigint } | undefined;
}

/** How far a partition may be read at present, with the cursor there; undefined: to its end. */
export type Boundaries = (partition: number, cursor: Readonly<Cursor>) => bigint | undefined;

const NO_BOUNDARIES: Boundaries = () => undefined;

/** Those of a reader of all partitions, which has handed on what is before its cursor. */
export function boundariesAhead(layout: TopicLayout, from: Readonly<Cursor>): Boundaries {
  const ahead = withoutPassed(layout, (partition) => from[partition] ?? 0n);
  if (ahead.length === 0) return NO_BOUNDARIES;
  return (partition, cursor) => readableUpTo(ahead, partition, (other) => cursor[other] ?? 0n);
}

/**
 * Collects the next matching events of some partitions and moves the cursor past all it has looked at. It reads the partitions in the
 * order given: a caller that begins with another one each time serves all alike. `loaded` is a block of history that was fetched for
 * this cursor. No partition is read beyond `mayReadUpTo`, which is asked again as the others get on.
 */
export function readBatch(
  log: Pick<OrderLogView, 'blockAt' | 'head' | 'isReadable'>,
  cursor: Cursor,
  partitions: readonly number[],
  filter: EventFilter,
  limits: BatchLimits,
  loaded?: EventBlock,
  mayReadUpTo: Boundaries = NO_BOUNDARIES,
): EventBatch {
  const events: LogEvent[] = [];
  let bytes = 0;
  let scanned = 0;
  let looks = 0;
  const belowRing = new Set<number>();
  let gap: EventBatch['gap'];
  let held: number[] = [];
  let hasMoved = true;

  /** Answers false when a limit is reached. */
  function take(block: EventBlock, from: bigint, end: bigint): boolean {
    looks += 1;
    const isWhole = block.next <= end;
    const until = isWhole
      ? block.events.length
      : firstIndexWhere(block.events, ({ offset }) => offset >= end);
    let passed = firstIndexWhere(block.events, ({ offset }) => offset >= from);
    const moveTo = (index: number, offset: bigint) => {
      scanned += index - passed;
      passed = index;
      hasMoved ||= cursor[block.partition] !== offset;
      cursor[block.partition] = offset;
    };
    for (;;) {
      const index = indexOfStatus(block, filter, passed);
      const event = block.events[index];
      if (!event || index >= until) break;
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
    moveTo(until, isWhole ? block.next : end);
    return true;
  }

  /** Reads a partition as far as it may be, and never beyond what the tail has seen; answers false when a limit is reached. */
  function read(partition: number): boolean {
    if (cursor[partition] === undefined) return true;
    const boundary = mayReadUpTo(partition, cursor);
    const head = log.head(partition);
    const isHeld = boundary !== undefined && boundary < head;
    const end = isHeld ? boundary : head;
    if (isHeld) held.push(partition);
    for (let next = cursor[partition] ?? 0n; next < end; next = cursor[partition] ?? 0n) {
      const block = log.blockAt(partition, next) ?? (covers(loaded, partition, next) ? loaded : undefined);
      if (!block) {
        // One that is waited for must not keep the others from being read.
        if (log.isReadable(partition)) belowRing.add(partition);
        break;
      }
      if (block.isGap) {
        if (events.length > 0) return false;
        cursor[partition] = block.next;
        gap = { partition, from: next, next: block.next };
        return false;
      }
      if (!take(block, next, end)) return false;
    }
    return true;
  }

  for (let waiting = partitions; waiting.length > 0 && hasMoved;) {
    hasMoved = false;
    held = [];
    if (!waiting.every(read)) return { events, scanned, belowRing: [...belowRing], full: true, gap };
    // What waited for a partition that was read after it may go on.
    waiting = held;
  }
  return { events, scanned, belowRing: [...belowRing], full: false, gap };
}

function covers(block: EventBlock | undefined, partition: number, offset: bigint): boolean {
  return block?.partition === partition && block.from <= offset && offset < block.next;
}

/** All partitions from `first` on, and then those before it. */
export function partitionsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, turn) => (first + turn) % count);
}
