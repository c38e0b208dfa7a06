import { setTimeout as pause } from 'node:timers/promises';
import { createLogReader } from '@order-events/messaging';
import { ORDERS_OF_BACKLOG } from './waiting-events.ts';
import { numberOfEvent } from '../bench/sample-orders.ts';

export interface TopicGrowth {
  /** Records and markers in the topic. */
  length(): Promise<number>;
  /** Resolves when the topic is at least so long. */
  reaches(length: number, signal: AbortSignal): Promise<void>;
  /**
   * Resolves when the topic is at least so long and grows no more, with the moment of its last growth on the clock of
   * `performance.now()`.
   */
  settles(length: number, signal: AbortSignal): Promise<{ lastGrowthMs: number; length: number }>;
  close(): void;
}

const LOOK_INTERVAL_MS = 40;
const REST_MS = 150;

/** Watches how long a topic is by asking for its ends, which costs the broker next to nothing. */
export function watchTopicGrowth(brokers: readonly string[], topic: string): TopicGrowth {
  const reader = createLogReader({ brokers, clientId: 'bench-growth', topic });
  async function length(): Promise<number> {
    const ends = await reader.offsets('latest');
    return Number([...ends.values()].reduce((sum, end) => sum + end, 0n));
  }
  return {
    length,
    async reaches(wanted, signal) {
      while ((await length()) < wanted) await pause(LOOK_INTERVAL_MS, undefined, { signal });
    },
    async settles(wanted, signal) {
      let last = await length();
      let lastGrowthMs = performance.now();
      while (last < wanted || performance.now() - lastGrowthMs < REST_MS) {
        await pause(LOOK_INTERVAL_MS, undefined, { signal });
        const now = await length();
        if (now > last) [last, lastGrowthMs] = [now, performance.now()];
      }
      return { lastGrowthMs, length: last };
    },
    close: () => reader.close(),
  };
}

export interface BacklogVerdict {
  readonly missing: number;
  readonly duplicated: number;
  readonly outOfOrder: number;
}

/** Reads the whole topic and looks for each event of the backlog, and for their order per order. */
export async function verifyBacklog(
  brokers: readonly string[],
  topic: string,
  events: number,
  signal: AbortSignal,
): Promise<BacklogVerdict> {
  const reader = createLogReader({ brokers, clientId: 'bench-verify', topic });
  const seen = new Uint8Array(events);
  const newest = new Int32Array(ORDERS_OF_BACKLOG).fill(-1);
  let [found, duplicated, outOfOrder] = [0, 0, 0];
  try {
    const [from, to] = [await reader.offsets('earliest'), await reader.offsets('latest')];
    await reader.read(
      from,
      to,
      ({ records }) => {
        for (const { headers } of records) {
          const number = numberOfEvent(headers);
          if (seen[number]) duplicated += 1;
          else found += 1;
          seen[number] = 1;
          const order = number % ORDERS_OF_BACKLOG;
          if (number < (newest[order] ?? -1)) outOfOrder += 1;
          newest[order] = number;
        }
      },
      signal,
    );
  } finally {
    reader.close();
  }
  return { missing: events - found, duplicated, outOfOrder };
}
