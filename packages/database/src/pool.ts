import pg from 'pg';

export interface PoolOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly maxConnections: number;
  /** Ends a statement on the server. Default 10 s. */
  readonly statementTimeoutMs?: number;
  /** A connection was lost; the pool replaces it by itself. */
  readonly onConnectionError: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 5_000;
const LOCK_TIMEOUT_MS = 5_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;

pg.types.setTypeParser(pg.types.builtins.INT8, BigInt);

/**
 * A pool whose process survives a restart of the server: without a listener on the pool a lost idle connection ends the process,
 * and without one on each client so does a connection that is lost while it is checked out (node-postgres #3083).
 */
export function createPool(options: PoolOptions): pg.Pool {
  const statementTimeoutMs = options.statementTimeoutMs ?? 10_000;
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.maxConnections,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    // The client's own limit is for a server that does not answer at all, so it comes after the server's.
    query_timeout: statementTimeoutMs + 2_000,
  });
  pool.on('error', options.onConnectionError);
  pool.on('connect', (client) => client.on('error', options.onConnectionError));
  return pool;
}

/** SQLSTATE classes: 08 connection, 53 resources (too many connections), 57P shutdown and start-up. */
const AWAY_SQLSTATE = /^(08|53|57P)/;
const AWAY_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);
/** node-postgres gives these errors no code. */
const AWAY_MESSAGES =
  /connection terminated|connection timeout|timeout exceeded when trying to connect|query read timeout/i;

/** Whether an error says that the database cannot be reached now, rather than that the statement was wrong. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (AWAY_CODES.has(code) || AWAY_SQLSTATE.test(code) || AWAY_MESSAGES.test(error.message)) return true;
  return error instanceof AggregateError && error.errors.some(isDatabaseAway);
}
