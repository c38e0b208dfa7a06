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
  /** A partition was dropped, or the default one emptied. */
  readonly onDropped: () => void;
  /** A partition past the replay window stays for now; told in every round, for a metric that somebody is alerted by. */
  readonly onKept: (reason: KeepReason | 'locked' | 'refused') => void;
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

  async function step<T>(
    name: string,
    work: (client: PoolClient) => Promise<T>,
  ): Promise<T | 'locked' | 'elsewhere' | 'refused'> {
    const outcome = await withShortLocks(pool, signal, work).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
      log.warn({ partition: name, reason: error.message }, 'Postgres refused to change an outbox partition');
      return { kind: 'refused' as const };
    });
    if (outcome.kind === 'done') return outcome.value;
    postponed.push(name);
    if (outcome.kind === 'locked')
      log.info({ partition: name }, 'an outbox partition is locked, trying later');
    return outcome.kind;
  }

  async function create(partition: DatedPartition): Promise<void> {
    const result = await step(partition.name, (client) => createPartition(client, partition));
    if (result === 'created') created.push(partition.name);
  }

  async function retire(name: string, work: (client: PoolClient) => Promise<Retirement>): Promise<void> {
    const result = await step(name, work);
    if (result === 'nothing' || result === 'elsewhere') return;
    if (result === 'retired') {
      dropped.push(name);
      options.onDropped();
      return;
    }
    options.onKept(result);
    if (result === 'locked' || result === 'refused') return;
    kept.push({ name, reason: result });
    log.warn(
      { partition: name, reason: result },
      'an outbox partition is past the replay window and has to stay',
    );
  }

  const existing = new Set(dated.map(({ name }) => name));
  for (const missing of missingPartitions({ now, daysAhead: DAYS_AHEAD, existing })) await create(missing);
  for (const expired of expiredPartitions({ now, replayWindowMs, existing: dated })) {
    await retire(expired.name, (client) => dropPartition(client, expired));
  }
  const cutoff = new Date(now.getTime() - replayWindowMs);
  await retire('outbox_default', (client) => emptyDefaultPartition(client, cutoff));
  if (created.length + dropped.length > 0) log.info({ created, dropped }, 'changed the outbox partitions');
  return { created, dropped, kept, postponed };
}

/** An answer of Postgres to the statement itself, unlike a connection that is gone. */
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && 'severity' in error && error.severity === 'ERROR';
}
