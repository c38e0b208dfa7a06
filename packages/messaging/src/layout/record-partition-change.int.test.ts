import assert from 'node:assert/strict';
import test from 'node:test';
import { createTestTopic } from '../../../../test/harness/index.ts';
import { withKafkaAdmin } from '../../../../test/harness/kafka-admin.ts';
import { recordPartitionChange } from './record-partition-change.ts';
import { type PartitionChange } from './topic-layout.ts';
import { createTopicLayoutReader, layoutTopicName } from './topic-layout-reader.ts';

const soon = () => AbortSignal.timeout(20_000);
const change = (formerCount: number, count: number, end: bigint): PartitionChange => ({
  formerCount,
  count,
  ends: Array.from({ length: formerCount }, () => end),
  changedAt: new Date(1_700_000_000_000 + count),
});

test('changes of a topic are read in the order they were made, the newest of each, and those of no other topic', async (t) => {
  const { brokers, topic } = await createTestTopic(t, { partitions: 2 });
  const connection = { brokers, clientId: 'test' };
  const reader = createTopicLayoutReader({ ...connection, topic });
  t.after(() => reader.close());
  assert.deepEqual(await reader.read('one'), [], 'nothing was ever recorded');

  const record = (topicId: string, recorded: PartitionChange) =>
    recordPartitionChange(connection, { topic, topicId, change: recorded }, soon());
  await record('one', change(2, 8, 1n));
  await record('one', change(2, 4, 2n ** 60n));
  await record('another', change(2, 4, 3n));
  assert.deepEqual(await reader.read('one'), [change(2, 8, 1n), change(2, 4, 2n ** 60n)]);
  await record('one', change(4, 8, 5n));
  assert.deepEqual(await reader.read('one'), [change(2, 4, 2n ** 60n), change(4, 8, 5n)]);
  assert.deepEqual(await reader.read('another'), [change(2, 4, 3n)]);
  await withKafkaAdmin({ brokers }, async (admin) => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: layoutTopicName(topic), configNames: ['cleanup.policy'] }],
    });
    assert.equal(resources[0]?.configEntries[0]?.configValue, 'compact');
  });
});
