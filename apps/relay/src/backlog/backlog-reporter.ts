import { type DeliveryObservation, observeDelivery, type OpenTransaction } from '@order-events/outbox';
import { createRunningPart, type Logger, type Part, sleep } from '@order-events/runtime';
import type { Pool } from 'pg';

export interface BacklogReporterOptions {
  /** Ends a statement that takes too long, so that a round has a deadline. */
  readonly pool: Pool;
  /** This relay, which needs no report of its own. */
  readonly owner: string;
  readonly leaseMs: number;
  /** Must not throw. */
  readonly onObserved: (observation: DeliveryObservation) => void;
  readonly log: Logger;
  readonly intervalMs: number;
  /** An open write transaction that is older is warned of, with its holder. */
  readonly oldTransactionMs: number;
}

/**
 * Measures what is committed and not published, from the stored checkpoints of all partitions: also while Kafka is away and while
 * no relay owns a partition. Logs when a backlog appears and when it is gone, and who holds a transaction open for long.
 */
export function createBacklogReporter(options: BacklogReporterOptions): Part {
  const { pool, log } = options;
  let waiting = false;
  let warnedOf: number | string | undefined;

  function reportBacklog({ pendingEvents, oldestPendingAgeSeconds, estimated }: DeliveryObservation): void {
    // Within a checkpoint's age everything is normal; only what is older waits for something.
    const waitsNow = oldestPendingAgeSeconds * 1000 > 2 * options.intervalMs;
    const fields = { pendingEvents, oldestPendingAgeSeconds, estimated };
    if (waitsNow) log.warn(fields, 'events wait to be published');
    else if (waiting) log.info(fields, 'the backlog is published');
    waiting = waitsNow;
  }

  /** Once per transaction. */
  function reportOldTransaction(oldest: OpenTransaction | undefined): void {
    if (!oldest || oldest.ageSeconds * 1000 < options.oldTransactionMs) return;
    const identity = oldest.pid ?? oldest.applicationName;
    if (identity !== warnedOf) log.warn({ ...oldest }, 'a transaction that has written stays open');
    warnedOf = identity;
  }

  return createRunningPart('backlog reporter', async (stopping) => {
    while (!stopping.aborted) {
      try {
        const observation = await observeDelivery(pool, { leaseMs: options.leaseMs, except: options.owner });
        options.onObserved(observation);
        reportBacklog(observation);
        reportOldTransaction(observation.openTransactions[0]);
      } catch (error) {
        log.warn({ reason: error }, 'could not measure the backlog');
      }
      await sleep(options.intervalMs, stopping);
    }
  });
}
