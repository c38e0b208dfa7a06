import type { UnreadableBatchError } from '@order-events/messaging';
import type { Logger } from '@order-events/runtime';
import type { LogMetrics } from '../log-metrics.ts';

/** Beyond so many all are forgotten: each may then be told once more. */
const MAX_REMEMBERED = 1_000;

/**
 * Counts and logs each batch that cannot be read once, however many streams pass it. When the log is another one (`epoch`, see
 * OrderLogView), what is at the same place is another batch.
 */
export function createUnreadableBatches(
  metrics: Pick<LogMetrics, 'batchUnreadable'>,
  log: Pick<Logger, 'error'>,
  epoch: () => number,
): (batch: UnreadableBatchError) => void {
  const told = new Set<string>();
  return (batch) => {
    const { partition, kind } = batch;
    const range = { partition, offset: String(batch.offset), nextOffset: String(batch.nextOffset) };
    const name = `${epoch()}/${partition}/${batch.nextOffset}`;
    if (told.has(name)) return;
    if (told.size >= MAX_REMEMBERED) told.clear();
    told.add(name);
    metrics.batchUnreadable(kind);
    log.error(
      { err: batch, ...range, kind },
      'a batch of the log cannot be read and is passed: streams are told of a gap, or end there',
    );
  };
}
