import kafkajs from 'kafkajs';

/** Changes one setting of a topic. */
export async function alterTopic(
  { brokers, topic }: { readonly brokers: readonly string[]; readonly topic: string },
  name: string,
  value: string,
): Promise<void> {
  const client = new kafkajs.Kafka({
    clientId: 'test',
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const admin = client.admin();
  await admin.connect();
  try {
    const resource = {
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name: topic,
      configEntries: [{ name, value }],
    };
    await admin.alterConfigs({ validateOnly: false, resources: [resource] });
  } finally {
    await admin.disconnect();
  }
}
