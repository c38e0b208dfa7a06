import { type Logger, type Part, sleep } from '@order-events/runtime';
import type { Pool, PoolClient } from 'pg';
import { type DatedPartition, expiredPartitions, missingPartitions } from './partition-plan.ts';
import {
  createPartition,
  dropPartition,
  emptyDefaultPartition,
  type KeepReason,
  type Retirement,
  readPartitionsOfOutbox,
} from './partition-store.ts';
import { withShortLocks } from './short-lock.ts';

export interface JanitorOptions {
  readonly pool: Pool;
  readonly log: Logger;
  /** How long published events stay, to be published again on request. */
  readonly replayWindowMs: number;
  /** Partitions past the replay window that have to stay: for a metric that somebody is alerted by. */
  readonly onKept: (partitions: number) => void;
}

/** What one round did, by names of partitions. */
export interface JanitorReport {
  readonly created: readonly string[];
  readonly dropped: readonly string[];
  readonly kept: readonly { readonly name: string; readonly reason: KeepReason }[];
  /** Left for the next round: a lock was not to be had, or Postgres refused. */
  readonly postponed: readonly string[];
}

const DAYS_AHEAD = 3;
const ROUND_INTERVAL_MS = 60_000;

/**
 * Makes outbox partitions ahead, and drops those that are past the replay window, published, and needed by no replay. Every relay has a
 * janitor; one of them works at a time, in short transactions that each leave a valid state.
 */
export function createJanitor(options: JanitorOptions): Part {
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;
  return {
    name: 'janitor',
    async start() {
      loop = (async () => {
        while (!stopping.signal.aborted) {
          try {
            await tidyPartitions(options, stopping.signal);
          } catch (error) {
            options.log.warn({ reason: String(error) }, 'could not look after the outbox partitions');
          }
          await sleep(ROUND_INTERVAL_MS, stopping.signal);
        }
      })();
    },
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}

/** One round. Rejects when the database is away; what a lock or Postgres refuses is postponed to the next round. */
export async function tidyPartitions(options: JanitorOptions, signal: AbortSignal): Promise<JanitorReport> {
  const { pool, log, replayWindowMs } = options;
  const { now, dated } = await readPartitionsOfOutbox(pool);
  const created: string[] = [];
  const dropped: string[] = [];
  const kept: { name: string; reason: KeepReason }[] = [];
  const postponed: string[] = [];

  async function step<T>(name: string, work: (client: PoolClient) => Promise<T>): Promise<T | undefined> {
    const outcome = await withShortLocks(pool, signal, work).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
      log.warn({ partition: name, reason: error.message }, 'Postgres refused to change an outbox partition');
      return { kind: 'refused' as const };
    });
    if (outcome.kind === 'done') return outcome.value;
    postponed.push(name);
    if (outcome.kind === 'locked')
      log.info({ partition: name }, 'an outbox partition is locked, trying later');
    return undefined;
  }

  async function create(partition: DatedPartition): Promise<void> {
    const done = await step(partition.name, async (client) => {
      await createPartition(client, partition);
      return true;
    });
    if (done) created.push(partition.name);
  }

  async function retire(name: string, work: (client: PoolClient) => Promise<Retirement>): Promise<void> {
    const reason = await step(name, work);
    if (reason === undefined || reason === 'nothing') return;
    if (reason === 'retired') {
      dropped.push(name);
      return;
    }
    kept.push({ name, reason });
    log.warn({ partition: name, reason }, 'an outbox partition is past the replay window and has to stay');
  }

  const existing = new Set(dated.map(({ name }) => name));
  for (const partition of missingPartitions({ now, daysAhead: DAYS_AHEAD, existing }))
    await create(partition);
  for (const partition of expiredPartitions({ now, replayWindowMs, existing: dated })) {
    await retire(partition.name, (client) => dropPartition(client, partition));
  }
  const cutoff = new Date(now.getTime() - replayWindowMs);
  await retire('outbox_default', (client) => emptyDefaultPartition(client, cutoff));
  options.onKept(kept.length);
  if (created.length + dropped.length > 0) log.info({ created, dropped }, 'changed the outbox partitions');
  return { created, dropped, kept, postponed };
}

/** An answer of Postgres to the statement itself, unlike a connection that is gone. */
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && 'severity' in error && error.severity === 'ERROR';
}
