import { isCanaryRecord, type PartitionBatch } from '@order-events/messaging';
import type { TakeBytes } from './byte-slabs.ts';
import type { EventFilter } from './event-filter.ts';
import { type LogEvent, readLogEvent } from './log-event.ts';
import { firstIndexWhere } from './sorted-search.ts';

/** A run of one partition of the log: every event from `from` up to, but not including, `next`. Offsets may have gaps. */
export interface EventBlock {
  readonly partition: number;
  readonly from: bigint;
  readonly next: bigint;
  readonly events: readonly LogEvent[];
  /** Where in `events` those of each status are, ascending. */
  readonly indexesByStatus: ReadonlyMap<LogEvent['status'], readonly number[]>;
  /** The same of those that have left a status, by that. */
  readonly indexesByStatusLeft: ReadonlyMap<LogEvent['status'], readonly number[]>;
  /** Memory that it takes, about. */
  readonly sizeBytes: number;
  /** When this process read its first part, on the monotonic clock. */
  readonly readAtMs: number;
  /** The log cannot be read here: whoever passes is told what is missed. */
  readonly isGap: boolean;
}

/** Told of each record that is not an order event; such a record is left out. */
export type SkippedRecordListener = (partition: number, offset: bigint, error: unknown) => void;

const BLOCK_OVERHEAD_BYTES = 600;
/** Objects and strings around an encoded event. */
const EVENT_OVERHEAD_BYTES = 500;

/**
 * Decodes and encodes what was read from the log at `from`; canaries of the relay are none of the subscribers' business. The encoded
 * events lie one after the other in memory of `takeBytes`.
 */
export function createEventBlock(
  batch: PartitionBatch,
  from: bigint,
  onSkipped: SkippedRecordListener,
  takeBytes: TakeBytes = (length) => Buffer.allocUnsafeSlow(length),
): EventBlock {
  const events: LogEvent[] = [];
  for (const record of batch.records) {
    if (isCanaryRecord(record)) continue;
    try {
      events.push(readLogEvent(record));
    } catch (error: unknown) {
      onSkipped(batch.partition, record.offset, error);
    }
  }
  const block = emptyBlock(batch.partition, from, performance.now());
  extendBlock(block, { events: withBytesIn(events, takeBytes), next: batch.nextOffset });
  return block;
}

/** A run of the log that cannot be read. */
export function createGapBlock(partition: number, from: bigint, next: bigint): EventBlock {
  return { ...emptyBlock(partition, from, performance.now(), true), next };
}

/** The same run without the events that `keep` refuses. */
export function withoutEvents(block: EventBlock, keep: (event: LogEvent) => boolean): EventBlock {
  const events = block.events.filter(keep);
  if (events.length === block.events.length) return block;
  const rest = emptyBlock(block.partition, block.from, block.readAtMs);
  extendBlock(rest, { events, next: block.next });
  return rest;
}

/** A block that still grows. */
export interface GrowingBlock extends EventBlock {
  next: bigint;
  readonly events: LogEvent[];
  readonly indexesByStatus: Map<LogEvent['status'], number[]>;
  readonly indexesByStatusLeft: Map<LogEvent['status'], number[]>;
  sizeBytes: number;
}

export function emptyBlock(partition: number, from: bigint, readAtMs: number, isGap = false): GrowingBlock {
  return {
    ...{ partition, from, next: from, readAtMs, isGap },
    events: [],
    indexesByStatus: new Map(),
    indexesByStatusLeft: new Map(),
    sizeBytes: BLOCK_OVERHEAD_BYTES,
  };
}

/** Adds what follows a block. */
export function extendBlock(block: GrowingBlock, following: Pick<EventBlock, 'events' | 'next'>): void {
  for (const event of following.events) {
    const { status, previousStatus } = event;
    addIndex(block.indexesByStatus, status, block.events.length);
    if (previousStatus !== status) addIndex(block.indexesByStatusLeft, previousStatus, block.events.length);
    block.events.push(event);
    block.sizeBytes += EVENT_OVERHEAD_BYTES + event.encoded.length;
  }
  block.next = following.next;
}

function addIndex(
  indexes: Map<LogEvent['status'], number[]>,
  status: LogEvent['status'],
  index: number,
): void {
  const known = indexes.get(status);
  if (known) known.push(index);
  else indexes.set(status, [index]);
}

/**
 * Index of the first event from an index on that a filter may want for its statuses, any where it names none; the number of events
 * when there is none. Those in between are not looked at.
 */
export function indexOfStatus(
  block: EventBlock,
  { statuses, previousStatuses }: Pick<EventFilter, 'statuses' | 'previousStatuses'>,
  from: number,
): number {
  if (statuses.length === 0) return from;
  let nearest = block.events.length;
  const look = (indexes: readonly number[] = []) => {
    const index = indexes[firstIndexWhere(indexes, (candidate) => candidate >= from)];
    if (index !== undefined && index < nearest) nearest = index;
  };
  for (const status of statuses) look(block.indexesByStatus.get(status));
  for (const status of previousStatuses) look(block.indexesByStatusLeft.get(status));
  return nearest;
}

function withBytesIn(events: readonly LogEvent[], takeBytes: TakeBytes): LogEvent[] {
  const bytes = takeBytes(events.reduce((sum, { encoded }) => sum + encoded.length, 0));
  let at = 0;
  return events.map((event) => {
    bytes.set(event.encoded, at);
    at += event.encoded.length;
    return { ...event, encoded: bytes.subarray(at - event.encoded.length, at) };
  });
}
