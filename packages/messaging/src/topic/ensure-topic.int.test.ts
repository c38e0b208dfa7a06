import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { createTestTopic } from '../../../../test/harness/index.ts';
import { withKafkaAdmin } from '../../../../test/harness/kafka-admin.ts';
import { topicSettings } from '../../../../test/harness/topic-settings.ts';
import { ensureTopic } from './ensure-topic.ts';

test('several that create the topic at the same time all succeed', async (t) => {
  const { brokers } = await createTestTopic(t, { partitions: 1 });
  const settings = {
    topic: `ensure-${randomUUID()}`,
    partitions: 2,
    replicationFactor: 1,
    config: { 'retention.ms': '60000' },
  };
  t.after(() => withKafkaAdmin({ brokers }, (admin) => admin.deleteTopics({ topics: [settings.topic] })));
  await Promise.all([1, 2, 3].map(() => ensureTopic({ brokers, clientId: 'test' }, settings)));
  assert.equal((await topicSettings({ brokers, topic: settings.topic }))['retention.ms'], '60000');
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
