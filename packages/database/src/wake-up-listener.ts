import { createRunningPart, type Logger, type Part, sleep } from '@order-events/runtime';
import { keepConnection } from './dedicated-connection.ts';
import { WAKE_UP_CHANNELS, type WakeUpChannel } from './wake-up-channel.ts';

export interface WakeUpListenerOptions {
  readonly url: string;
  readonly log: Logger;
  /**
   * Must not throw. Called with the channel that was notified; for every channel each time the connection was opened: what was
   * committed before was not heard.
   */
  readonly onWakeUp: (channel: WakeUpChannel) => void;
  /** Must not throw. Whether notifications can be heard, at each change. */
  readonly onConnected?: (connected: boolean) => void;
}

/** A connection that looks alive and is not is noticed within this time. */
const PROBE_INTERVAL_MS = 10_000;

/** Listens to all channels on one connection of its own (a pooler in transaction mode cannot LISTEN), and comes back when it is lost. */
export function createWakeUpListener(options: WakeUpListenerOptions): Part {
  const { url, log, onWakeUp } = options;
  return createRunningPart('wake-up listener', (stopping) =>
    keepConnection(
      { url, log, applicationName: 'wake-up listener' },
      async (client, closed) => {
        client.on('notification', ({ channel }) => {
          const known = WAKE_UP_CHANNELS.find((name) => name === channel);
          if (known) onWakeUp(known);
        });
        await client.query(WAKE_UP_CHANNELS.map((channel) => `LISTEN ${channel}`).join('; '));
        options.onConnected?.(true);
        closed.addEventListener('abort', () => options.onConnected?.(false), { once: true });
        for (const channel of WAKE_UP_CHANNELS) onWakeUp(channel);
        while (!closed.aborted) {
          await sleep(PROBE_INTERVAL_MS, closed);
          if (!closed.aborted) await client.query('SELECT 1');
        }
      },
      stopping,
    ),
  );
}
