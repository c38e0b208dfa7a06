import type { BatchFaultKind } from '@order-events/messaging';
import { Counter, type Registry } from 'prom-client';

/** What is counted of the log that the streams are read from. */
export interface LogMetrics {
  ingested(events: number, duplicates: number): void;
  recordSkipped(): void;
  batchUnreadable(kind: BatchFaultKind): void;
  historyFetched(): void;
  historyEncoded(events: number): void;
  readFailed(): void;
}

const BATCH_FAULT_KINDS: readonly BatchFaultKind[] = [
  'checksum',
  'format',
  'codec',
  'too_large',
  'malformed',
];

export function createLogMetrics(registry: Registry): LogMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const ingested = counter('stream_events_ingested_total', 'Events read from the log into memory.');
  const skipped = counter('stream_records_skipped_total', 'Records that no stream gets.', ['reason']);
  const unreadable = counter(
    'stream_batches_unreadable_total',
    'Batches of the log that could not be read and were passed; streams are told of the gap.',
    ['kind'],
  );
  const historyFetches = counter(
    'stream_history_fetches_total',
    'Reads of older events that memory did not hold.',
  );
  const historyEvents = counter(
    'stream_history_events_total',
    'Older events that were decoded and encoded once more.',
  );
  const readFailures = counter(
    'stream_read_failures_total',
    'Reads for single streams that failed and were tried again.',
  );
  // A counter that appears with its first event has no increase that an alert could see.
  skipped.inc({ reason: 'invalid' }, 0);
  for (const kind of BATCH_FAULT_KINDS) unreadable.inc({ kind }, 0);
  return {
    ingested(events, duplicates) {
      ingested.inc(events);
      if (duplicates > 0) skipped.inc({ reason: 'duplicate' }, duplicates);
    },
    recordSkipped: () => skipped.inc({ reason: 'invalid' }),
    batchUnreadable: (kind) => unreadable.inc({ kind }),
    historyFetched: () => historyFetches.inc(),
    historyEncoded: (events) => historyEvents.inc(events),
    readFailed: () => readFailures.inc(),
  };
}
