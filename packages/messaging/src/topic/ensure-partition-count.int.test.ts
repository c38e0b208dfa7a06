import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestTopic } from '../../../../test/harness/index.ts';
import { findFreePort } from '../../../../tools/stack/index.ts';
import { ensurePartitionCount } from './ensure-partition-count.ts';
import { createLogReader } from '../read/log-reader.ts';

const soon = () => AbortSignal.timeout(20_000);

test('a topic gets more partitions, once, also when several ask for them', async (t) => {
  const { brokers, topic } = await createTestTopic(t, { partitions: 2 });
  const connection = { brokers, clientId: 'test' };
  const grow = () => ensurePartitionCount(connection, { topic, partitions: 5 }, soon());
  await Promise.all([grow(), grow(), grow()]);
  await grow();
  const reader = createLogReader({ ...connection, topic });
  t.after(() => reader.close());
  assert.equal((await reader.describe()).partitionCount, 5);
  assert.equal((await reader.offsets('latest')).size, 5);
});

test('partitions cannot be taken away', async (t) => {
  const { brokers, topic } = await createTestTopic(t, { partitions: 3 });
  await assert.rejects(
    ensurePartitionCount({ brokers, clientId: 'test' }, { topic, partitions: 2 }, soon()),
    /has 3 partitions, and Kafka cannot take any away/,
  );
});

test('brokers that are away are waited for until the signal aborts', async () => {
  const brokers = [`127.0.0.1:${await findFreePort()}`];
  await assert.rejects(
    ensurePartitionCount(
      { brokers, clientId: 'test' },
      { topic: 'orders', partitions: 2 },
      AbortSignal.timeout(500),
    ),
    /ECONNREFUSED/,
  );
});
