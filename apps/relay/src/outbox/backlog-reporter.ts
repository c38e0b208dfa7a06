import { type Logger, type Part, sleep } from '@order-events/runtime';
import type { Pool } from 'pg';
import type { BacklogObservation, OpenTransaction } from './backlog-observation.ts';
import { CURSOR_AT_START } from './cursor.ts';
import { readOpenTransactions } from './open-transactions.ts';
import { measurePending } from './pending-query.ts';
import { type PartitionRow, readPartitions, readRelays, readReplays } from './relay-tables.ts';

export interface BacklogReporterOptions {
  /** Ends a statement that takes too long, so that a round has a deadline. */
  readonly pool: Pool;
  /** Must not throw. */
  readonly onObserved: (observation: BacklogObservation) => void;
  readonly log: Logger;
  readonly intervalMs: number;
  /** An open write transaction that is older is warned of, with its holder. */
  readonly oldTransactionMs: number;
}

/** Rows of the outbox that one round walks at most; what is beyond them is estimated. */
const MAX_ROWS = 20_000;

/**
 * Measures what is committed and not published, from the stored checkpoints of all partitions: also while Kafka is away and while
 * no relay owns a partition. Logs when a backlog appears and when it is gone, and who holds a transaction open for long.
 */
export function createBacklogReporter(options: BacklogReporterOptions): Part {
  const { pool, log } = options;
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;
  let waiting = false;
  let warnedOf: number | string | undefined;

  function reportBacklog({ pendingEvents, oldestPendingAgeSeconds, estimated }: BacklogObservation): void {
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

  return {
    name: 'backlog reporter',
    async start() {
      loop = (async () => {
        while (!stopping.signal.aborted) {
          try {
            const observation = await observe(pool);
            options.onObserved(observation);
            reportBacklog(observation);
            reportOldTransaction(observation.openTransactions[0]);
          } catch (error) {
            log.warn({ reason: String(error) }, 'could not measure the backlog');
          }
          await sleep(options.intervalMs, stopping.signal);
        }
      })();
    },
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}

/** One round, one statement after another on one connection of the pool. */
async function observe(pool: Pool): Promise<BacklogObservation> {
  const rows = await readPartitions(pool);
  // Before any relay has seen the topic there are no partitions, and everything in the outbox waits.
  const stored = rows.length > 0 ? rows : [{ partition: 0, cursor: CURSOR_AT_START }];
  const pending = await measurePending(pool, stored, stored.length, MAX_ROWS);
  const all = [...pending.values()];
  return {
    measuredAtMs: performance.now(),
    pendingEvents: all.reduce((sum, { events }) => sum + events, 0),
    oldestPendingAgeSeconds: Math.max(0, ...all.map(({ oldestAgeSeconds }) => oldestAgeSeconds)),
    estimated: all.some(({ estimated }) => estimated),
    partitions: rows.map((row) => observationOf(row, pending.get(row.partition))),
    relays: await readRelays(pool),
    openTransactions: await readOpenTransactions(pool),
    replays: await readReplays(pool),
  };
}

function observationOf(
  row: PartitionRow,
  pending: { events: number; oldestAgeSeconds: number } | undefined,
): BacklogObservation['partitions'][number] {
  return {
    ...row,
    pendingEvents: pending?.events ?? 0,
    oldestPendingAgeSeconds: pending?.oldestAgeSeconds ?? 0,
  };
}
