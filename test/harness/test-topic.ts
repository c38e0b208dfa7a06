import type { TestContext } from 'node:test';
import kafkajs, { type Admin } from 'kafkajs';
import { atFileEnd } from './file-end.ts';
import { testName } from './test-name.ts';
import { testKafkaBrokers } from './test-servers.ts';

export interface TestTopicOptions {
  /** Default: 12, as in production. */
  readonly partitions?: number;
  /** Topic settings by name. */
  readonly config?: Readonly<Record<string, string>>;
}

/** A topic of the test's own, with the broker's time in its records; deleted when the tests of the file are over. */
export async function createTestTopic(
  t: TestContext,
  options: TestTopicOptions = {},
): Promise<{ brokers: string[]; topic: string }> {
  const brokers = await testKafkaBrokers();
  const topic = testName(t);
  const config = { 'message.timestamp.type': 'LogAppendTime', ...options.config };
  await withAdmin(brokers, (admin) =>
    admin.createTopics({
      topics: [
        {
          topic,
          numPartitions: options.partitions ?? 12,
          replicationFactor: 1,
          configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
        },
      ],
    }),
  );
  atFileEnd(() => withAdmin(brokers, (admin) => deleteIfThere(admin, topic)));
  return { brokers, topic };
}

/** A test may have deleted its topic itself. */
async function deleteIfThere(admin: Admin, topic: string): Promise<void> {
  const topics = await admin.listTopics();
  if (topics.includes(topic)) await admin.deleteTopics({ topics: [topic] });
}

async function withAdmin(brokers: string[], work: (admin: Admin) => Promise<unknown>): Promise<void> {
  const client = new kafkajs.Kafka({ clientId: 'test', brokers, logLevel: kafkajs.logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}
