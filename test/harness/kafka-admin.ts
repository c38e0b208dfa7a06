import kafkajs, { type Admin, type KafkaConfig } from 'kafkajs';

export type KafkaConnection = Pick<KafkaConfig, 'ssl' | 'sasl'> & { readonly brokers: readonly string[] };

/** Lends an admin client that is connected, and disconnects it. */
export async function withKafkaAdmin<T>(
  connection: KafkaConnection,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const client = new kafkajs.Kafka({
    clientId: 'test',
    ...connection,
    brokers: [...connection.brokers],
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const admin = client.admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
