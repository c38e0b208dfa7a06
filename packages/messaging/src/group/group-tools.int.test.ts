import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestTopic, eventually } from '../../../../test/harness/index.ts';
import { testName } from '../../../../test/harness/test-name.ts';
import { runKafkaTool } from '../../../../tools/stack/index.ts';
import { chosenLines } from '../../../../tools/test-run/server-lines.ts';
import { recordMember } from '../../testing/recorded-member.ts';
import { createConsumerGroups } from './consumer-groups.ts';

async function describe(brokers: readonly string[], groupId: string): Promise<string[][]> {
  const { stdout, stderr, exitCode } = await runKafkaTool(
    'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
    ['--bootstrap-server', brokers.join(), '--describe', '--group', groupId],
  );
  assert.equal(exitCode, 0, stderr);
  const rows = stdout.split('\n').filter((line) => line.startsWith(groupId));
  return rows
    .map((line) => line.trim().split(/\s+/))
    .toSorted((one, other) => Number(one[2]) - Number(other[2]));
}

test('a consumer of the newer protocol, which Kafka lets in beside a member, is told of instead of being left a share', async (t) => {
  const { connection, brokers, topic } = await createTestTopic(t, { partitions: 2 });
  const groupId = testName(t);
  const groups = createConsumerGroups({ ...connection, clientId: 'gateway', topic });
  t.after(() => groups.close());
  const member = recordMember(t, groups, { groupId });
  await member.hasPartitions(2);
  const left = new AbortController();
  const args = ['--bootstrap-server', brokers.join(), '--topic', topic, '--group', groupId];
  const consumer = runKafkaTool(
    'org.apache.kafka.tools.consumer.ConsoleConsumer',
    [...args, '--command-property', 'group.protocol=consumer'],
    { signal: left.signal, deadlineMs: 120_000 },
  );
  t.after(() => left.abort());
  if (chosenLines().kafka === '3.9') {
    // The protocol is switched off there, so Kafka itself keeps such a consumer out.
    assert.match((await consumer).stderr, /does not support the new CONSUMER group protocol/);
    assert.equal(member.current()?.partitions.length, 2);
    return;
  }
  const ended = consumer.then(
    ({ stderr }) => assert.fail(stderr),
    () => {},
  );
  await Promise.race([
    ended,
    eventually(() => assert.equal(member.told.at(-1), 'foreign members'), { deadlineMs: 100_000 }),
  ]);
  assert.equal(member.current(), undefined);
});

test("Kafka's own tool shows members, their partitions and the committed offsets", async (t) => {
  const { connection, brokers, topic } = await createTestTopic(t, { partitions: 2 });
  const groupId = testName(t);
  const groups = createConsumerGroups({ ...connection, clientId: 'gateway', topic });
  t.after(() => groups.close());
  const one = recordMember(t, groups, { groupId });
  const two = recordMember(t, groups, { groupId });
  const [first] = (await one.hasPartitions(1)).partitions;
  await two.hasPartitions(1);
  await eventually(() => one.commit(new Map([[first!, 5n]]), 'filter'));

  const shown = await describe(brokers, groupId);

  assert.deepEqual(
    shown.map(([, name, partition]) => [name, partition]),
    [
      [topic, '0'],
      [topic, '1'],
    ],
  );
  // GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID
  assert.deepEqual(shown[first!]!.slice(3, 5), ['5', '0']);
  assert.equal(new Set(shown.map((row) => row[6])).size, 2);
  assert.deepEqual(
    shown.map((row) => row[8]),
    ['member', 'member'],
  );

  await Promise.all([one.stop(), two.stop()]);
  await eventually(async () => assert.equal((await groups.offsets.describe(groupId))?.state, 'Empty'));
  const left = await describe(brokers, groupId);
  assert.deepEqual(
    left.map((row) => row.slice(2, 4)),
    [[String(first), '5']],
  );
});
