import type { TestContext } from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import kafkajs from 'kafkajs';
import { atFileEnd } from './file-end.ts';
import { testName } from './test-name.ts';
import { testKafka, type TestKafka } from './test-servers.ts';

export interface TestTopicOptions {
  /** Default: 12, as in production. */
  readonly partitions?: number;
  /** Topic settings by name. */
  readonly config?: Readonly<Record<string, string>>;
}

/**
 * A topic of the test's own with the settings of production, ready for use; deleted when the tests of the file are over. `brokers`
 * are enough for tests that need not run on a Kafka with TLS and a login.
 */
export async function createTestTopic(
  t: TestContext,
  options: TestTopicOptions = {},
): Promise<{ brokers: string[]; topic: string; connection: TestKafka }> {
  const connection = await testKafka();
  const topic = testName(t);
  await ensureTopic(
    { ...connection, clientId: 'test' },
    { topic, partitions: options.partitions ?? 12, replicationFactor: 1, config: options.config ?? {} },
  );
  atFileEnd(() => deleteTopic(connection, topic));
  return { brokers: connection.brokers, topic, connection };
}

/** Deletes the topic and what belongs to it, unless the test has done it itself. */
async function deleteTopic(connection: TestKafka, topic: string): Promise<void> {
  const client = new kafkajs.Kafka({ clientId: 'test', ...connection, logLevel: kafkajs.logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter(
      (name) => name === topic || name.startsWith(`${topic}.`),
    );
    if (topics.length > 0) await admin.deleteTopics({ topics });
  } finally {
    await admin.disconnect();
  }
}
