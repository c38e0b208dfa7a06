import type { TestContext } from 'node:test';
import kafkajs from 'kafkajs';

/** A consumer of the common kind that has joined a group. */
export async function startForeignConsumer(
  t: TestContext,
  {
    brokers,
    topic,
    groupId,
  }: { readonly brokers: string[]; readonly topic: string; readonly groupId: string },
): Promise<{ disconnect(): Promise<void> }> {
  const kafka = new kafkajs.Kafka({ brokers, clientId: 'stranger', logLevel: kafkajs.logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId });
  t.after(() => consumer.disconnect());
  const joined = Promise.withResolvers<unknown>();
  consumer.on('consumer.group_join', joined.resolve);
  await consumer.connect();
  await consumer.subscribe({ topic });
  await consumer.run({ eachMessage: async () => {} });
  await joined.promise;
  return consumer;
}
