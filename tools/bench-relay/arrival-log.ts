import { setTimeout as pause } from 'node:timers/promises';
import { createLogReader } from '@order-events/messaging';
import { monotonicMs } from '../bench/monotonic-clock.ts';
import { numberOfEvent } from '../bench/sample-orders.ts';

export interface ArrivalLog {
  /** When the event of this number could be read, on the monotonic clock; 0 while it could not. */
  atMs(number: number): number;
  /** Resolves when so many numbered events are there. */
  holds(count: number, signal: AbortSignal): Promise<void>;
  duplicates(): number;
  stop(): Promise<void>;
}

const LOOK_INTERVAL_MS = 20;

/** Reads a topic as it grows, as the stream gateway does, and notes when each event arrives. */
export async function startArrivalLog(
  brokers: readonly string[],
  topic: string,
  capacity: number,
): Promise<ArrivalLog> {
  const reader = createLogReader({ brokers, clientId: 'bench-arrivals', topic });
  const arrivedAtMs = new Float64Array(capacity);
  const stopping = new AbortController();
  let arrived = 0;
  let duplicates = 0;
  const following = reader.follow(
    await reader.offsets('earliest'),
    {
      onBatch({ records }) {
        const nowMs = monotonicMs();
        for (const { headers } of records) {
          const number = numberOfEvent(headers);
          if (arrivedAtMs[number]) duplicates += 1;
          else arrived += 1;
          arrivedAtMs[number] = nowMs;
        }
      },
      onAvailable: () => {},
      onUnavailable: () => {},
      onOutOfRange: (_, start) => start,
    },
    stopping.signal,
  );
  return {
    atMs: (number) => arrivedAtMs[number] ?? 0,
    async holds(count, signal) {
      while (arrived < count) await pause(LOOK_INTERVAL_MS, undefined, { signal });
    },
    duplicates: () => duplicates,
    async stop() {
      stopping.abort();
      await following;
      reader.close();
    },
  };
}
