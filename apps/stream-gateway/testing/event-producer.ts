import type { TestContext } from 'node:test';
import type { OrderEvent } from '@order-events/domain';
import { encodeOrderEvent, keyHash, orderEventHeaders } from '@order-events/messaging';
import kafkajs, { type Message, type Producer } from 'kafkajs';
import { eventually } from '../../../test/harness/index.ts';

const DEFAULT_PARTITIONS = 12;

export interface EventProducer {
  /** Appends events as the relay does: by order, in the order given. Resolves when they are in the topic. */
  produce(...events: OrderEvent[]): Promise<void>;
  /** Appends a record that is no order event. */
  produceOther(value: string): Promise<void>;
}

/** Writes to a topic with 12 partitions, or as many as are named. */
export async function createEventProducer(
  t: TestContext,
  {
    brokers,
    topic,
    partitions = DEFAULT_PARTITIONS,
  }: { brokers: string[]; topic: string; partitions?: number },
): Promise<EventProducer> {
  let producer = await connectProducer(brokers);
  t.after(() => producer.disconnect());

  /** A client that has not heard of a new partition drops what is for it, and resolves with nothing (kafkajs): then ask another. */
  async function send(partition: number, messages: Message[]): Promise<void> {
    await eventually(async () => {
      const acknowledged = await producer.send({
        topic,
        messages: messages.map((message) => ({ ...message, partition })),
      });
      if (acknowledged.length > 0) return;
      await producer.disconnect();
      producer = await connectProducer(brokers);
      throw new Error(`the producer does not know partition ${partition}`);
    });
  }

  return {
    async produce(...events) {
      const byPartition = Map.groupBy(events, ({ order }) => keyHash(order.orderId) % partitions);
      for (const [partition, ofPartition] of byPartition) {
        const messages = ofPartition.map((event) => ({
          key: event.order.orderId,
          value: encodeOrderEvent(event),
          headers: orderEventHeaders(event, TRACEPARENT),
        }));
        await send(partition, messages);
      }
    },
    produceOther: (value) => send(0, [{ value }]),
  };
}

async function connectProducer(brokers: string[]): Promise<Producer> {
  const client = new kafkajs.Kafka({
    clientId: 'test',
    brokers,
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 2 },
  });
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  return producer;
}

export const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
