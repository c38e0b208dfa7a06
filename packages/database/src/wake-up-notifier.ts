import { createRunningPart, type Logger, type Part, sleep } from '@order-events/runtime';
import { keepConnection } from './dedicated-connection.ts';
import type { WakeUpChannel } from './wake-up-channel.ts';

export interface WakeUpNotifier extends Part {
  /** Tells the relay, soon, that there is something to publish. Never throws, never waits. */
  notify(): void;
}

/** At most one notification in this time, however many transactions commit. */
const COALESCE_MS = 10;

const CHANNEL: WakeUpChannel = 'outbox_wake_up';

/**
 * Notifies on a connection of its own, after the commit: NOTIFY inside the transaction takes a lock that is held through the commit
 * and lets the whole cluster commit one at a time. While the connection is away nobody waits for it: the relay polls.
 */
export function createWakeUpNotifier({ url, log }: { url: string; log: Logger }): WakeUpNotifier {
  let asked = false;
  let resume = () => {};
  const part = createRunningPart('wake-up notifier', (stopping) =>
    keepConnection(
      { url, log, applicationName: 'wake-up notifier' },
      async (client, closed) => {
        closed.addEventListener('abort', () => resume());
        while (!closed.aborted) {
          if (!asked) await new Promise<void>((resolve) => (resume = resolve));
          if (closed.aborted) return;
          // Before the query: what commits while it is under way needs another one.
          asked = false;
          await client.query(`NOTIFY ${CHANNEL}`);
          await sleep(COALESCE_MS, closed);
        }
      },
      stopping,
    ),
  );
  return {
    ...part,
    notify() {
      asked = true;
      resume();
    },
  };
}
