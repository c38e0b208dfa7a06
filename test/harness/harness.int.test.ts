import assert from 'node:assert/strict';
import test from 'node:test';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { createTestDatabase, createTestTopic } from './index.ts';
import { alterTopic, topicSettings } from './topic-settings.ts';

test('every test database is a migrated one of its own', async (t) => {
  const databases = await Promise.all([createTestDatabase(t), createTestDatabase(t)]);
  for (const { url } of databases) {
    const client = new pg.Client(url);
    await client.connect();
    t.after(() => client.end());
    assert.deepEqual((await client.query('SELECT * FROM outbox')).rows, []);
    await client.query('CREATE TABLE only_here ()');
  }
});

test('a test topic has the partitions and settings of production unless told otherwise', async (t) => {
  const [standard, small] = await Promise.all([
    createTestTopic(t),
    createTestTopic(t, { partitions: 1, config: { 'retention.ms': '1000' } }),
  ]);
  const admin = new kafkajs.Kafka({ brokers: standard.brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  t.after(() => admin.disconnect());

  const { topics } = await admin.fetchTopicMetadata({ topics: [standard.topic, small.topic] });
  const partitions = Object.fromEntries(topics.map((topic) => [topic.name, topic.partitions.length]));
  assert.deepEqual(partitions, { [standard.topic]: 12, [small.topic]: 1 });

  const settings = await topicSettings(small);
  assert.equal(settings['message.timestamp.type'], 'LogAppendTime');
  assert.equal(settings['retention.ms'], '1000');
});

test('of a topic one setting is changed, and the others stay', async (t) => {
  const topic = await createTestTopic(t, { partitions: 1, config: { 'max.message.bytes': '100000' } });
  const before = await topicSettings(topic);
  for (const value of ['1000', '2000']) await alterTopic(topic, 'retention.ms', value);
  assert.deepEqual(await topicSettings(topic), { ...before, 'retention.ms': '2000' });
});
