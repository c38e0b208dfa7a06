import kafkajs, { type Admin } from 'kafkajs';
import type { OutboxState } from './outbox-state.ts';

/** Deletes the records of a partition before `offset`, as retention would. */
export function deleteRecords(state: OutboxState, partition: number, offset: bigint): Promise<void> {
  return withAdmin(state, async (admin) => {
    // Only so does the client learn who leads the partition.
    await admin.fetchTopicOffsets(state.topic);
    await admin.deleteTopicRecords({
      topic: state.topic,
      partitions: [{ partition, offset: String(offset) }],
    });
  });
}

export function addPartitions(state: OutboxState, count: number): Promise<void> {
  return withAdmin(state, async (admin) => {
    await admin.createPartitions({ topicPartitions: [{ topic: state.topic, count }] });
  });
}

export function setTopicConfig(state: OutboxState, config: Readonly<Record<string, string>>): Promise<void> {
  return withAdmin(state, async (admin) => {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: state.topic, configEntries }],
    });
  });
}

async function withAdmin(state: OutboxState, work: (admin: Admin) => Promise<void>): Promise<void> {
  const client = new kafkajs.Kafka({
    clientId: 'test',
    brokers: state.brokers,
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const admin = client.admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}
