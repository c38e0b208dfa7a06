import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import kafkajs from 'kafkajs';
import { createTestTopic } from '../../../test/harness/index.ts';
import { ensureTopic } from './ensure-topic.ts';

async function describe(brokers: string[], topic: string): Promise<Record<string, string>> {
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
    });
    const entries = resources[0]?.configEntries ?? [];
    return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
  } finally {
    await admin.deleteTopics({ topics: [topic] }).catch(() => {});
    await admin.disconnect();
  }
}

test('several that create the topic at the same time all succeed', async (t) => {
  const { brokers } = await createTestTopic(t, { partitions: 1 });
  const settings = {
    topic: `ensure-${randomUUID()}`,
    partitions: 2,
    replicationFactor: 1,
    config: { 'retention.ms': '60000' },
  };
  await Promise.all([1, 2, 3].map(() => ensureTopic({ brokers, clientId: 'test' }, settings)));
  assert.equal((await describe(brokers, settings.topic))['retention.ms'], '60000');
});

test('a setting that Kafka does not know is told with the words of the broker', async (t) => {
  const { brokers } = await createTestTopic(t, { partitions: 1 });
  const settings = {
    topic: `ensure-${randomUUID()}`,
    partitions: 1,
    replicationFactor: 1,
    config: { colour: 'red' },
  };
  await assert.rejects(
    ensureTopic({ brokers, clientId: 'test' }, settings),
    /Unknown topic config name: colour/,
  );
});
