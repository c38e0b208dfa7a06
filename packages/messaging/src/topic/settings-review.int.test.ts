import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestTopic } from '../../../../test/harness/index.ts';
import { createLogReader } from '../read/log-reader.ts';

test('what a real broker says of a topic is understood, and of one as it is created here there is nothing to say', async (t) => {
  const review = async (config: Record<string, string>) => {
    const { connection, topic } = await createTestTopic(t, { partitions: 1, config });
    const reader = createLogReader({ ...connection, clientId: 'test', topic });
    t.after(() => reader.close());
    return (await reader.review()).map(({ name }) => name);
  };
  assert.deepEqual(await review({}), []);
  const all = await review({
    'cleanup.policy': 'compact,delete',
    'max.message.bytes': '1000',
    'message.timestamp.type': 'CreateTime',
    'min.insync.replicas': '2',
    'retention.bytes': '1000000',
    'retention.ms': '1000',
    'unclean.leader.election.enable': 'true',
  });
  assert.deepEqual(all, [
    'topic-compacted',
    'short-retention',
    'too-few-replicas',
    'unclean-election',
    'writers-time',
    'retention-by-size',
    'small-messages',
  ]);
});
