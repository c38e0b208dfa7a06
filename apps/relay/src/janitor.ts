import {
  adoptDayTables,
  createDayTable,
  type DayTable,
  dropDayTable,
  emptyDefaultTable,
  expiredDayTables,
  type Finding,
  type KeepReason,
  missingDayTables,
  missingJanitorRight,
  ownersDiffer,
  readDayTables,
  type Retirement,
  withShortLocks,
} from '@order-events/outbox';
import { createRunningPart, type Logger, type Part, sleep } from '@order-events/runtime';
import type { Pool, PoolClient } from 'pg';

/** Why a day table that is old enough stays for now. */
export type DropRefusal = KeepReason | 'locked' | 'refused';

export interface JanitorOptions {
  readonly pool: Pool;
  readonly log: Logger;
  /** How long published events stay, to be published again on request. */
  readonly replayWindowMs: number;
  /** A day table was dropped, or the default one emptied. */
  readonly onDropped: () => void;
  /** A day table past the replay window stays for now; told in every round, for a metric that somebody is alerted by. */
  readonly onKept: (reason: DropRefusal) => void;
  /** After each round: what Postgres does not let the janitor do. */
  readonly onRefused: (findings: readonly Finding[]) => void;
}

/** What one round did, by names of day tables. */
export interface JanitorReport {
  readonly created: readonly string[];
  readonly dropped: readonly string[];
  readonly kept: readonly { readonly name: string; readonly reason: KeepReason }[];
  /** Left for the next round: a lock was not to be had, or Postgres refused. */
  readonly postponed: readonly string[];
  /** Why Postgres refused. */
  readonly refused: readonly string[];
}

const DAYS_AHEAD = 3;
const ROUND_INTERVAL_MS = 60_000;
/** A statement that is refused leaves an error in the log of Postgres each time. */
const REFUSED_INTERVAL_MS = 15 * 60_000;

/**
 * Makes day tables of the outbox ahead, and drops those that are past the replay window, published, and needed by no replay. Every relay has a
 * janitor; one of them works at a time, in short transactions that each leave a valid state.
 */
export function createJanitor(options: JanitorOptions): Part {
  /** Answers how long to wait for the next one. */
  async function round(stopping: AbortSignal): Promise<number> {
    try {
      const missing = await missingJanitorRight(options.pool);
      if (missing !== undefined) {
        options.onRefused([refusal(missing)]);
        return ROUND_INTERVAL_MS;
      }
      const { refused } = await tidyDayTables(options, stopping);
      options.onRefused(refused.slice(0, 1).map(refusal));
      if (refused.length > 0) return REFUSED_INTERVAL_MS;
    } catch (error) {
      options.log.warn({ reason: error }, 'could not look after the outbox partitions');
    }
    return ROUND_INTERVAL_MS;
  }

  return createRunningPart('janitor', async (stopping) => {
    while (!stopping.aborted) await sleep(await round(stopping), stopping);
  });
}

/** One round. Rejects when the database is away; what a lock or Postgres refuses is postponed to the next round. */
export async function tidyDayTables(options: JanitorOptions, signal: AbortSignal): Promise<JanitorReport> {
  const { pool, log, replayWindowMs } = options;
  const { now, dated } = await readDayTables(pool);
  const created: string[] = [];
  const dropped: string[] = [];
  const kept: { name: string; reason: KeepReason }[] = [];
  const postponed: string[] = [];
  const refused: string[] = [];

  async function step<T>(
    name: string,
    work: (client: PoolClient) => Promise<T>,
  ): Promise<T | 'locked' | 'elsewhere' | 'refused'> {
    const outcome = await withShortLocks(pool, signal, work).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
      refused.push(`${name}: ${error.message}`);
      return { kind: 'refused' as const };
    });
    if (outcome.kind === 'done') return outcome.value;
    postponed.push(name);
    if (outcome.kind === 'locked')
      log.info({ partition: name }, 'an outbox partition is locked, trying later');
    return outcome.kind;
  }

  async function create(table: DayTable): Promise<void> {
    const result = await step(table.name, (client) => createDayTable(client, table));
    if (result === 'created') created.push(table.name);
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

  if (await ownersDiffer(pool)) await step('outbox', adoptDayTables);
  const existing = new Set(dated.map(({ name }) => name));
  for (const missing of missingDayTables({ now, daysAhead: DAYS_AHEAD, existing })) await create(missing);
  for (const expired of expiredDayTables({ now, replayWindowMs, existing: dated })) {
    await retire(expired.name, (client) => dropDayTable(client, expired));
  }
  const cutoff = new Date(now.getTime() - replayWindowMs);
  await retire('outbox_default', (client) => emptyDefaultTable(client, cutoff));
  if (created.length + dropped.length > 0) log.info({ created, dropped }, 'changed the outbox partitions');
  return { created, dropped, kept, postponed, refused };
}

function refusal(reason: string): Finding {
  const text = `partitions of the outbox are not made and dropped as they should, so it grows: ${reason}`;
  return { name: 'janitor-refused', severity: 'fault', text, partitions: [] };
}

/** An answer of Postgres to the statement itself, unlike a connection that is gone. */
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && 'severity' in error && error.severity === 'ERROR';
}
