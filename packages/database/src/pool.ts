import pg from 'pg';
import { aroundQueries } from './client-query.ts';
import { isConnectionLost } from './database-away.ts';
import { currentUrl, type SessionSetting, sessionConfig, settledUrl } from './session-settings.ts';
import { settledTransactions } from './settled-transactions.ts';
import { readTimestampsStrictly } from './timestamp-parser.ts';
import {
  ConnectionsTakenError,
  createUnansweredConnections,
  type UnansweredConnections,
} from './unanswered-connections.ts';
import { adviseOnTrust } from './untrusted-database.ts';

export interface PoolOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly maxConnections: number;
  /** Ends a statement on the server. Default 10 s. */
  readonly statementTimeoutMs?: number;
  /** For all its sessions, beside those that this program relies on. */
  readonly settings?: readonly SessionSetting[];
  /** A pooler in transaction mode is in between: each transaction carries the settings of its session (see docs/connections.md). */
  readonly throughPooler?: boolean;
  /** A connection was lost; the pool replaces it by itself. */
  readonly onConnectionError: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 5_000;
const LOCK_TIMEOUT_MS = 5_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
/** The client's own limit is for a server that does not answer at all, so it comes after the server's. */
const QUERY_TIMEOUT_MARGIN_MS = 2_000;
/** A peer that is gone is noticed some ten seconds later than this. */
const KEEP_ALIVE_DELAY_MS = 10_000;

pg.types.setTypeParser(pg.types.builtins.INT8, BigInt);
readTimestampsStrictly();

/**
 * A pool whose process survives a restart of the server: without a listener on the pool a lost idle connection ends the process,
 * and without one on each client so does a connection that is lost while it is checked out (node-postgres #3083).
 * Whatever settings the role and the database have, its sessions have those that this program relies on; int8 values are read as
 * bigint. It never has more sessions on the server than `maxConnections`, counting those that do not answer any more.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const { url, applicationName, settings = [], throughPooler = false, onConnectionError } = options;
  const statementTimeoutMs = options.statementTimeoutMs ?? 10_000;
  const limits = {
    statement_timeout: statementTimeoutMs,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  };
  const settled = settledUrl(url);
  const config = () => ({
    application_name: applicationName,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    // A pooler refuses settings that are sent when a session starts.
    ...(throughPooler
      ? { connectionString: currentUrl(url) }
      : { ...sessionConfig(url, settings), ...limits }),
  });
  const pool = new pg.Pool({
    // A pool asks once for what its connections have, and opens them for as long as the process runs.
    Client: class extends pg.Client {
      constructor(options?: pg.ClientConfig) {
        super({ ...options, ...config() });
      }
    },
    max: options.maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: statementTimeoutMs + QUERY_TIMEOUT_MARGIN_MS,
  });
  const limitSettings = Object.entries(limits).map(([name, value]) => ({ name, value: String(value) }));
  const settledTransaction = settledTransactions([...settled.settings, ...settings, ...limitSettings]);
  const unanswered = createUnansweredConnections({ config, throughPooler });
  const lost = new WeakSet<pg.ClientBase>();
  pool.on('error', onConnectionError);
  pool.on('connect', (client) => {
    client.on('error', onConnectionError);
    aroundQueries(client, unanswered.watch(client));
    aroundQueries(
      client,
      (send) => (query, values) =>
        send(query, values).catch((error: unknown) => {
          if (isConnectionLost(error)) lost.add(client);
          throw error;
        }),
    );
    if (throughPooler) aroundQueries(client, settledTransaction);
  });
  minding(pool, { unanswered, lost, maxConnections: options.maxConnections });
  unansweredOf.set(pool, unanswered);
  return pool;
}

const unansweredOf = new WeakMap<pg.Pool, UnansweredConnections>();

/** How many connections of the pool wait for an answer that is overdue, and so are of no use to anybody. */
export function unansweredIn(pool: pg.Pool): number {
  return unansweredOf.get(pool)?.size ?? 0;
}

interface Minded {
  readonly unanswered: UnansweredConnections;
  readonly lost: WeakSet<pg.ClientBase>;
  readonly maxConnections: number;
}

/**
 * A connection without an answer is not used again, and yet takes its place in the pool until its session has ended. One whose session
 * has ended is not used again either: between that news and the end of the connection the pool would hand it to the next.
 */
function minding(pool: pg.Pool, { unanswered, lost, maxConnections }: Minded): void {
  const connect = pool.connect.bind(pool) as () => Promise<pg.PoolClient>;
  async function take(): Promise<pg.PoolClient> {
    if (unanswered.size >= maxConnections) throw new ConnectionsTakenError(maxConnections);
    const client = await connect().catch((error: unknown) => {
      throw adviseOnTrust(error);
    });
    const release = client.release;
    client.release = (destroy) => {
      if (!unanswered.isUnanswered(client)) release(destroy || lost.has(client));
      else if (pool.ending) release(true);
      else unanswered.hold(client, () => release(true));
    };
    return client;
  }
  type Taken = (error: unknown, client?: pg.PoolClient, release?: pg.PoolClient['release']) => void;
  const takeOrCall = (callback?: Taken) => {
    if (!callback) return take();
    take().then((client) => callback(undefined, client, client.release), callback);
    return undefined;
  };
  pool.connect = takeOrCall as typeof pool.connect;
  const end = pool.end.bind(pool) as () => Promise<void>;
  const endAll = () => {
    const ended = end();
    unanswered.end();
    return ended;
  };
  pool.end = endAll as typeof pool.end;
}
