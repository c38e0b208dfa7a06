import type { TestContext } from 'node:test';
import type { OrderEvent } from '@order-events/domain';
import { encodeOrderEvent, keyHash, orderEventHeaders } from '@order-events/messaging';
import kafkajs from 'kafkajs';

const PARTITIONS = 12;

export interface EventProducer {
  /** Appends events as the relay does: by order, in the order given. Resolves when they are in the topic. */
  produce(...events: OrderEvent[]): Promise<void>;
  /** Appends a record that is no order event. */
  produceOther(value: string): Promise<void>;
}

/** Writes to a topic with 12 partitions. */
export async function createEventProducer(
  t: TestContext,
  { brokers, topic }: { brokers: string[]; topic: string },
): Promise<EventProducer> {
  const client = new kafkajs.Kafka({
    clientId: 'test',
    brokers,
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 2 },
  });
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  t.after(() => producer.disconnect());
  return {
    async produce(...events) {
      const byPartition = Map.groupBy(events, ({ order }) => keyHash(order.orderId) % PARTITIONS);
      for (const [partition, ofPartition] of byPartition) {
        const messages = ofPartition.map((event) => ({
          partition,
          key: event.order.orderId,
          value: encodeOrderEvent(event),
          headers: orderEventHeaders(event, TRACEPARENT),
        }));
        await producer.send({ topic, messages });
      }
    },
    async produceOther(value) {
      await producer.send({ topic, messages: [{ partition: 0, value }] });
    },
  };
}

export const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
