import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { EventProducer } from './event-producer.ts';
import { orderEvent } from './order-events.ts';

const EVENTS_AT_ONCE = 5;
const PAUSE_MS = 10;
const ORDERS = 20;

export interface EventLoad {
  /** Ids of the events that are in the topic, in the order in which they were appended. */
  eventIds(): string[];
  /** Resolves when nothing more will be appended. */
  stop(): Promise<void>;
}

/** Goes on appending changes of a few orders until it is stopped; order n is of customer-n. */
export function startEventLoad(produce: EventProducer['produce'], pauseMs = PAUSE_MS): EventLoad {
  const orders = Array.from({ length: ORDERS }, (_, index) => ({
    orderId: randomUUID(),
    customerId: `customer-${index}`,
    version: 0,
  }));
  const appended: string[] = [];
  let stopping = false;
  let turn = 0;

  async function run(): Promise<void> {
    while (!stopping) {
      const events = orders.slice(turn, turn + EVENTS_AT_ONCE).map((order) => {
        order.version += 1;
        return orderEvent(order);
      });
      turn = (turn + EVENTS_AT_ONCE) % ORDERS;
      await produce(...events);
      appended.push(...events.map(({ eventId }) => eventId));
      await pause(pauseMs);
    }
  }

  const done = run();
  return {
    eventIds: () => [...appended],
    async stop() {
      stopping = true;
      await done;
    },
  };
}
