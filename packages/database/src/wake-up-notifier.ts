import { createBackoff, type Logger, type Part } from '@order-events/runtime';
import pg from 'pg';
import { WAKE_UP_CHANNEL } from './wake-up-channel.ts';

export interface WakeUpNotifier extends Part {
  /** Tells the relay, soon, that there is something to publish. Never throws, never waits. */
  notify(): void;
}

/** At most one notification in this time, however many transactions commit. */
const COALESCE_MS = 10;

/**
 * Notifies on a connection of its own, after the commit: NOTIFY inside the transaction takes a lock that is held through the commit
 * and lets the whole cluster commit one at a time. While the connection is away wake-ups are dropped: the relay polls anyway.
 */
export function createWakeUpNotifier(options: { url: string; log: Logger }): WakeUpNotifier {
  const backoff = createBackoff({ baseMs: 100, maxMs: 5_000 });
  let client: pg.Client | undefined;
  let connecting: Promise<void> | undefined;
  let retryAtMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let asked = false;
  let stopped = false;

  async function connect(): Promise<void> {
    const candidate = new pg.Client({
      connectionString: options.url,
      application_name: 'api wake-up',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      query_timeout: 5_000,
    });
    const drop = (error?: Error) => {
      if (client === candidate) client = undefined;
      if (error && !stopped) options.log.warn({ err: error }, 'lost the wake-up connection; the relay polls');
    };
    candidate.on('error', drop);
    candidate.on('end', () => drop());
    try {
      await candidate.connect();
      backoff.reset();
      client = candidate;
    } catch (error) {
      retryAtMs = performance.now() + backoff.nextDelayMs();
      options.log.warn({ err: error }, 'no wake-up connection; the relay polls');
    }
  }

  async function send(): Promise<void> {
    asked = false;
    if (!client && performance.now() >= retryAtMs)
      await (connecting ??= connect().finally(() => (connecting = undefined)));
    await client?.query(`NOTIFY ${WAKE_UP_CHANNEL}`);
  }

  function sendNow(): void {
    send().catch((error: unknown) => {
      options.log.warn({ err: error }, 'wake-up not sent; the relay polls');
    });
    // The first wake-up goes out at once; those that come within the interval share one at its end.
    timer = setTimeout(() => {
      timer = undefined;
      if (asked) sendNow();
    }, COALESCE_MS);
  }

  return {
    name: 'wake-up notifier',
    notify() {
      if (stopped) return;
      if (timer) asked = true;
      else sendNow();
    },
    async start() {
      connecting = connect().finally(() => (connecting = undefined));
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await connecting;
      await client?.end().catch(() => {});
    },
  };
}
