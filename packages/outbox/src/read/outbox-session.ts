import type { Pool, PoolClient } from 'pg';
import type { OutboxQuery } from './outbox-query.ts';
import { AS_TEXTS, type OutboxRow } from './outbox-row.ts';
import { ServerRunError } from './server-run-error.ts';

export interface OutboxSessionOptions {
  readonly pool: Pool;
  /** Then a session may end up on another connection of the server each time, and statements cannot be prepared. */
  readonly throughPooler: boolean;
  /** Called before the query rejects with a ServerRunError. */
  readonly onAnotherRun: () => void;
}

export interface OutboxSession {
  /** Rejects, once, with a ServerRunError when it is not the run of the server that answered before. */
  query(query: OutboxQuery): Promise<OutboxRow[]>;
}

/**
 * For the sessions of the pool: plans are generic and may only walk an index. Left alone, the planner sometimes walks another index and
 * filters the whole table, and plans for a week of partitions anew each time.
 */
export const OUTBOX_PLANS = [
  { name: 'plan_cache_mode', value: 'force_generic_plan' },
  { name: 'enable_seqscan', value: 'off' },
  { name: 'enable_bitmapscan', value: 'off' },
  { name: 'jit', value: 'off' },
];

/** Without a pooler no connection outlives a run of the server, so which run it is is asked once for each; otherwise in each statement. */
export function createOutboxSession({
  pool,
  throughPooler,
  onAnotherRun,
}: OutboxSessionOptions): OutboxSession {
  const met = new WeakSet<PoolClient>();
  let knownRun: string | undefined;

  function requireSameRun(run: string | null | undefined): void {
    if (!run) throw new Error('the outbox query answered without the run of the server');
    const before = knownRun;
    knownRun = run;
    if (before === undefined || before === run) return;
    onAnotherRun();
    throw new ServerRunError();
  }

  async function ask(client: PoolClient, { name, text, values }: OutboxQuery): Promise<OutboxRow[]> {
    const asked = throughPooler ? { text: withRun(text), values } : { name, text, values };
    const { rows } = await client.query<(string | null)[]>({ ...asked, rowMode: 'array', types: AS_TEXTS });
    if (throughPooler) requireSameRun(rows[0]?.at(-1));
    return rows;
  }

  async function meet(client: PoolClient): Promise<void> {
    const { rows } = await client.query<{ run: string }>('SELECT relay_server_run() AS run');
    met.add(client);
    requireSameRun(rows[0]?.run);
  }

  return {
    async query(query) {
      const client = await pool.connect();
      let isUsable = false;
      try {
        if (!throughPooler && !met.has(client)) await meet(client);
        const rows = await ask(client, query);
        isUsable = true;
        return rows;
      } finally {
        client.release(!isUsable);
      }
    },
  };
}

/** A last column in the rows that have a header. */
const withRun = (text: string): string =>
  `SELECT answer.*, CASE WHEN answer.header IS NOT NULL THEN relay_server_run() END FROM (${text}) AS answer`;
