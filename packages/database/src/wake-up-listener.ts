import { createBackoff, type Logger, type Part, settleWithin, sleep } from '@order-events/runtime';
import pg from 'pg';
import { WAKE_UP_CHANNEL } from './wake-up-channel.ts';

export interface WakeUpListenerOptions {
  readonly url: string;
  readonly log: Logger;
  readonly onWakeUp: () => void;
}

/** A connection that looks alive and is not is noticed within this time. */
const PROBE_INTERVAL_MS = 10_000;

/** Listens on a connection of its own (a pooler in transaction mode cannot LISTEN), and comes back by itself when it is lost. */
export function createWakeUpListener(options: WakeUpListenerOptions): Part {
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;

  /** Listens until the connection is lost. */
  async function listenOnce(onListening: () => void): Promise<void> {
    const client = new pg.Client({
      connectionString: options.url,
      application_name: 'relay wake-up',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      query_timeout: 5_000,
    });
    const lost = new AbortController();
    client.on('error', (error) => lost.abort(error));
    client.on('end', () => lost.abort(new Error('the server ended the connection')));
    client.on('notification', options.onWakeUp);
    try {
      await client.connect();
      await client.query(`LISTEN ${WAKE_UP_CHANNEL}`);
      onListening();
      // What was committed before the LISTEN may not have been announced.
      options.onWakeUp();
      while (!stopping.signal.aborted) {
        await sleep(PROBE_INTERVAL_MS, AbortSignal.any([stopping.signal, lost.signal]));
        if (lost.signal.aborted) throw lost.signal.reason;
        if (!stopping.signal.aborted) await client.query('SELECT 1');
      }
    } finally {
      await settleWithin(client.end(), 1_000);
    }
  }

  return {
    name: 'wake-up listener',
    async start() {
      const backoff = createBackoff({ baseMs: 100, maxMs: 5_000 });
      loop = (async () => {
        while (!stopping.signal.aborted) {
          try {
            await listenOnce(() => backoff.reset());
          } catch (error) {
            options.log.warn({ err: error }, 'lost the wake-up connection; polling meanwhile');
            await sleep(backoff.nextDelayMs(), stopping.signal);
          }
        }
      })();
    },
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}
