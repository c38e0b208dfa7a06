import { setTimeout as pause } from 'node:timers/promises';
import { encodeOrderEvent, keyHash, orderEventHeaders } from '@order-events/messaging';
import { Kafka, type Message, logLevel } from 'kafkajs';
import { monotonicMs } from '../bench/monotonic-clock.ts';
import { SAMPLE_HEADERS, sampleOrder } from '../bench/sample-orders.ts';
import { PARTITION_COUNT } from './bench-servers.ts';
import type { EventAnswer, EventPhase } from './event-load.ts';
import { stampedEventId } from './stamped-event.ts';

// Produces order events, told how many by event-load.ts. Each carries the time at which it was handed to the Kafka client.

const LEAST_ORDERS = 5_000;
/** Neighbouring events are of customers that are far apart; it shares no factor with their number, so that all have their turn. */
const STRIDE = 1_237;
const TICK_MS = 1;
/** Of one request: when the load is late, what is due may be more than the broker takes at once. */
const MOST_AT_ONCE = 5_000;

const [topic = '', customers = '', ...brokers] = process.argv.slice(2);
const orders = Array.from({ length: Math.max(LEAST_ORDERS, Number(customers)) }, (_, position) =>
  sampleOrder(position, Number(customers)),
);
const kafka = new Kafka({ clientId: 'bench-load', brokers, logLevel: logLevel.ERROR });
const producer = kafka.producer();
let eventNumber = 0;

process.once('disconnect', () => process.exit());
process.on('message', (phase: EventPhase) => {
  produce(phase).then(
    (mostLateMs) => answer({ kind: 'produced', mostLateMs }),
    (error: unknown) => answer({ kind: 'failed', error: String(error) }),
  );
});
await producer.connect();
answer({ kind: 'ready' });

function answer(said: EventAnswer): void {
  process.send?.(said);
}

async function produce({ eventsPerSecond, count }: EventPhase): Promise<number> {
  const startedMs = monotonicMs();
  const sends: Promise<unknown>[] = [];
  let mostLateMs = 0;
  for (let done = 0; done < count;) {
    const nowMs = monotonicMs();
    const dueByNow = Math.floor(((nowMs - startedMs) / 1000) * eventsPerSecond) + 1;
    const due = Math.min(count, dueByNow, done + MOST_AT_ONCE);
    if (due > done) {
      mostLateMs = Math.max(mostLateMs, nowMs - startedMs - (done / eventsPerSecond) * 1000);
      const messages = Array.from({ length: due - done }, () => nextMessage(nowMs));
      sends.push(producer.send({ topic, acks: 1, messages }));
      done = due;
    }
    await pause(TICK_MS);
  }
  await Promise.all(sends);
  return mostLateMs;
}

function nextMessage(nowMs: number): Message {
  const order = orders[(eventNumber * STRIDE) % orders.length] ?? sampleOrder(0);
  const event = {
    eventId: stampedEventId(eventNumber, nowMs),
    eventType: 'order.updated',
    previousStatus: order.status,
    occurredAt: new Date(),
    order,
  } as const;
  eventNumber += 1;
  return {
    key: order.orderId,
    partition: keyHash(order.orderId) % PARTITION_COUNT,
    value: encodeOrderEvent(event),
    headers: orderEventHeaders(event, SAMPLE_HEADERS.traceparent),
  };
}
