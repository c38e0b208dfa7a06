import { isCanaryRecord, type PartitionBatch } from '@order-events/messaging';
import { type LogEvent, readLogEvent } from './log-event.ts';

/** A run of one partition of the log: every event from `from` up to, but not including, `next`. Offsets may have gaps. */
export interface EventBlock {
  readonly partition: number;
  readonly from: bigint;
  readonly next: bigint;
  readonly events: readonly LogEvent[];
  /** Memory that it takes, about. */
  readonly sizeBytes: number;
  /** When this process read it, on the monotonic clock. */
  readonly readAtMs: number;
}

/** Told of each record that is not an order event; such a record is left out. */
export type SkippedRecordListener = (partition: number, offset: bigint, error: unknown) => void;

const BLOCK_OVERHEAD_BYTES = 300;
/** Objects, strings and the array buffer around an encoded event. */
const EVENT_OVERHEAD_BYTES = 700;

/** Decodes and encodes what was read from the log at `from`; canaries of the relay are none of the subscribers' business. */
export function createEventBlock(
  batch: PartitionBatch,
  from: bigint,
  onSkipped: SkippedRecordListener,
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
  return blockOf({ partition: batch.partition, from, next: batch.nextOffset, events });
}

/** The same run without the events that `keep` refuses. */
export function withoutEvents(block: EventBlock, keep: (event: LogEvent) => boolean): EventBlock {
  const events = block.events.filter(keep);
  return events.length === block.events.length ? block : blockOf({ ...block, events });
}

function blockOf(content: Pick<EventBlock, 'partition' | 'from' | 'next' | 'events'>): EventBlock {
  const { partition, from, next, events } = content;
  const encodedBytes = events.reduce((sum, event) => sum + event.encoded.length, 0);
  const sizeBytes = BLOCK_OVERHEAD_BYTES + events.length * EVENT_OVERHEAD_BYTES + encodedBytes;
  return { partition, from, next, events, sizeBytes, readAtMs: performance.now() };
}
