import pg from 'pg';

export interface PoolOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly maxConnections: number;
  /** Ends a statement on the server. Default 10 s. */
  readonly statementTimeoutMs?: number;
  /** A pooler in transaction mode is in between: limits of a session are the role's then (see docs/connections.md). */
  readonly throughPooler?: boolean;
  /** A connection was lost; the pool replaces it by itself. */
  readonly onConnectionError: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 5_000;
const LOCK_TIMEOUT_MS = 5_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
/** The client's own limit is for a server that does not answer at all, so it comes after the server's. */
const QUERY_TIMEOUT_MARGIN_MS = 2_000;

pg.types.setTypeParser(pg.types.builtins.INT8, BigInt);

/**
 * A pool whose process survives a restart of the server: without a listener on the pool a lost idle connection ends the process,
 * and without one on each client so does a connection that is lost while it is checked out (node-postgres #3083).
 * int8 values are read as bigint.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const statementTimeoutMs = options.statementTimeoutMs ?? 10_000;
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.maxConnections,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...(!options.throughPooler && sessionLimits(statementTimeoutMs)),
    query_timeout: statementTimeoutMs + QUERY_TIMEOUT_MARGIN_MS,
  });
  pool.on('error', options.onConnectionError);
  pool.on('connect', (client) => client.on('error', options.onConnectionError));
  // A query that timed out here leaves its connection waiting for the answer, and whoever got it next would wait too. An end that
  // has begun keeps it out of the pool.
  pool.on('release', (_error, client) => {
    if (awaitsAnswer(client)) void client.end();
  });
  return pool;
}

/** Sent when a session starts. A pooler refuses them: its sessions on the server belong to nobody. */
function sessionLimits(statementTimeoutMs: number): pg.ClientConfig {
  return {
    statement_timeout: statementTimeoutMs,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  };
}

function awaitsAnswer(client: object): boolean {
  return 'readyForQuery' in client && client.readyForQuery === false;
}
