import pg from 'pg';
import type { SendQuery } from './client-query.ts';

/** All connections of a pool wait for an answer that did not come in time. */
export class ConnectionsTakenError extends Error {
  override readonly name = 'ConnectionsTakenError';

  constructor(connections: number) {
    super(`each of the ${connections} connections waits for an answer of the server that is overdue`);
  }
}

export interface UnansweredConnectionsOptions {
  /** How to connect for a look at the server's sessions; `application_name` names those of the pool. */
  readonly config: () => pg.ClientConfig & { readonly application_name: string };
  /** The server shows sessions of its own, not those of the pool's clients. */
  readonly throughPooler: boolean;
}

export interface UnansweredConnections {
  readonly size: number;
  /** Watches the queries of a client; once one was given up, the client takes no other. */
  watch(client: pg.ClientBase): (send: SendQuery) => SendQuery;
  isUnanswered(client: pg.ClientBase): boolean;
  /** Keeps a client that is unanswered, and calls `free` when its session on the server has come to rest or to its end. */
  hold(client: pg.ClientBase, free: () => void): void;
  /** Frees all. */
  end(): void;
}

const LOOK_INTERVAL_MS = 5_000;
const LOOK_TIMEOUT_MS = 5_000;
/** As node-postgres says that no answer came within `query_timeout`. */
const GIVEN_UP = 'Query read timeout';

/**
 * A query that its client gave up may go on at the server for as long as it likes: a COMMIT that waits for a synchronous standby ends
 * by no time-out, and ending its session would make visible what no standby has. A pool that let go of such a connection would open
 * another, and so on until the server has none left. So it is kept until it has answered or ended, or the server says that none of
 * ours is at work, because then the answer was lost on its way.
 */
export function createUnansweredConnections(options: UnansweredConnectionsOptions): UnansweredConnections {
  const unanswered = new WeakSet<pg.ClientBase>();
  const held = new Map<pg.ClientBase, () => void>();
  let looking: NodeJS.Timeout | undefined;

  function release(client: pg.ClientBase): void {
    const free = held.get(client);
    held.delete(client);
    if (held.size === 0) clearInterval(looking);
    free?.();
  }

  async function look(): Promise<void> {
    const sessions = await sessionsAtWork(options.config()).catch(() => undefined);
    // A server that takes no connection now would not take the one that replaces this one either.
    if (!sessions) return;
    for (const client of held.keys()) {
      const isAtWork = options.throughPooler ? sessions.size > 0 : sessions.has(processIdOf(client));
      if (!isAtWork) release(client);
    }
  }

  return {
    get size() {
      return held.size;
    },
    watch: (client) => (send) => async (query, values) => {
      if (unanswered.has(client)) throw new Error('connection timeout: an earlier query has no answer yet');
      try {
        return await send(query, values);
      } catch (error) {
        if (error instanceof Error && error.message === GIVEN_UP) unanswered.add(client);
        throw error;
      }
    },
    isUnanswered: (client) => unanswered.has(client),
    hold(client, free) {
      if (held.size === 0) looking = setInterval(() => void look(), LOOK_INTERVAL_MS).unref();
      held.set(client, free);
      // Nothing is queued behind the query that was given up, so it is over then.
      client.once('drain', () => release(client));
      client.once('end', () => release(client));
    },
    end() {
      for (const client of held.keys()) release(client);
    },
  };
}

/** Process ids of the sessions of ours that have been at work, or in a transaction, for longer than any time-out of ours takes. */
async function sessionsAtWork(
  config: ReturnType<UnansweredConnectionsOptions['config']>,
): Promise<ReadonlySet<number>> {
  const client = new pg.Client({
    ...config,
    application_name: `${config.application_name}: look at its sessions`,
    connectionTimeoutMillis: LOOK_TIMEOUT_MS,
    query_timeout: LOOK_TIMEOUT_MS,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity
       WHERE datname = current_database() AND usename = current_user AND application_name = $1 AND state <> 'idle'`,
      [config.application_name],
    );
    return new Set(rows.map(({ pid }) => pid));
  } finally {
    client.end().catch(() => undefined);
  }
}

/** Undocumented; what the server said when the session began. */
function processIdOf(client: pg.ClientBase): number {
  return 'processID' in client && typeof client.processID === 'number' ? client.processID : 0;
}
