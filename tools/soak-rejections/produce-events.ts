import { setTimeout as pause } from 'node:timers/promises';
import type { Order } from '@order-events/domain';
import kafkajs, { type Message } from 'kafkajs';
import { monotonicMs } from '../bench/monotonic-clock.ts';
import { sampleOrder } from '../bench/sample-orders.ts';
import { soakMessage } from './soak-event.ts';
import type { GrowingSoakLog } from './soak-log.ts';

export interface SoakProducer {
  /**
   * Appends so many events at this pace, one request after the other, so that each order has the order of its numbers. Waits while too
   * much is not handled.
   */
  produce(events: number, eventsPerSecond: number, signal: AbortSignal): Promise<void>;
  /** Number of an order by its id. */
  orderNumber(orderId: string): number | undefined;
  close(): Promise<void>;
}

export interface SoakProducerOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
  readonly orders: number;
  readonly log: GrowingSoakLog;
  /** Events that nobody has handled yet. */
  readonly unhandledCount: () => number;
}

const TICK_MS = 2;
/** Of one request: what is due may be more than the broker takes at once. */
const MOST_AT_ONCE = 2_000;
/** Whoever makes more than can be handled takes the time from those who handle it: this process is one of them. */
const MOST_UNHANDLED = 20_000;

export async function connectSoakProducer(options: SoakProducerOptions): Promise<SoakProducer> {
  const { brokers, topic, partitions, log } = options;
  const orders = Array.from({ length: options.orders }, (_, number): Order => sampleOrder(number));
  const versions = orders.map(() => 0);
  const numbers = new Map(orders.map(({ orderId }, number) => [orderId, number]));
  const client = new kafkajs.Kafka({
    clientId: 'soak',
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const producer = client.producer();
  await producer.connect();

  function nextMessage(): Message {
    const number = Math.floor(Math.random() * orders.length);
    const version = (versions[number] ?? 0) + 1;
    versions[number] = version;
    const order = { ...(orders[number] ?? sampleOrder(number)), version };
    return soakMessage(log.append(number), order, monotonicMs(), partitions);
  }

  return {
    async produce(events, eventsPerSecond, signal) {
      let lastMs = performance.now();
      let due = 1;
      for (let done = 0; done < events && !signal.aborted;) {
        const nowMs = performance.now();
        const room = MOST_UNHANDLED - options.unhandledCount();
        if (room > 0) due += ((nowMs - lastMs) / 1_000) * eventsPerSecond;
        lastMs = nowMs;
        const count = Math.min(events - done, Math.floor(due) - done, room, MOST_AT_ONCE);
        if (count > 0) {
          const messages = Array.from({ length: count }, nextMessage);
          await producer.send({ topic, acks: -1, messages });
          done += count;
        } else await pause(TICK_MS);
      }
    },
    orderNumber: (orderId) => numbers.get(orderId),
    close: () => producer.disconnect(),
  };
}
