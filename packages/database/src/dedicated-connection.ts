import { createBackoff, type Logger, settleWithin, sleep } from '@order-events/runtime';
import pg from 'pg';
import { sessionConfig } from './session-settings.ts';
import { adviseOnTrust } from './untrusted-database.ts';

export interface DedicatedConnectionOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly log: Logger;
}

const TIMEOUT_MS = 5_000;
const MAX_DELAY_MS = 5_000;

/**
 * Keeps one connection open until `signal` aborts, outside every pool, for what belongs to a session. Each time it is open, `use`
 * works with it until `closed` aborts; when the connection is lost, or `use` rejects, a new one takes its place after a pause.
 */
export async function keepConnection(
  options: DedicatedConnectionOptions,
  use: (client: pg.Client, closed: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const backoff = createBackoff({ baseMs: 100, maxMs: MAX_DELAY_MS });
  while (!signal.aborted) {
    const openedAtMs = performance.now();
    try {
      await useOnce(options, use, signal);
    } catch (error) {
      const err = adviseOnTrust(error);
      options.log.warn({ reason: err, connection: options.applicationName }, 'lost a database connection');
    }
    // A server that takes connections and cannot use them (a standby refuses LISTEN) must not be asked ten times a second.
    if (performance.now() - openedAtMs > MAX_DELAY_MS) backoff.reset();
    await sleep(backoff.nextDelayMs(), signal);
  }
}

async function useOnce(
  options: DedicatedConnectionOptions,
  use: (client: pg.Client, closed: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const client = new pg.Client({
    ...sessionConfig(options.url),
    statement_timeout: TIMEOUT_MS,
    application_name: options.applicationName,
    keepAlive: true,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  const lost = new AbortController();
  // Without a listener a lost connection ends the process; it may also end without an error.
  client.on('error', (error) => lost.abort(error));
  client.on('end', () => lost.abort(new Error('the server ended the connection')));
  const closed = AbortSignal.any([signal, lost.signal]);
  try {
    // A client that is ended while it connects never settles its promise.
    await Promise.race([client.connect(), aborted(closed)]);
    if (!closed.aborted) await use(client, closed);
    if (!signal.aborted) lost.signal.throwIfAborted();
  } finally {
    await settleWithin(client.end(), 1_000);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
