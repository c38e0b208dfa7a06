import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import kafkajs from 'kafkajs';
import { createTestTopic, eventually } from '../../../../test/harness/index.ts';
import { withKafkaAdmin } from '../../../../test/harness/kafka-admin.ts';
import type { TestKafka } from '../../../../test/harness/test-servers.ts';
import { testName } from '../../../../test/harness/test-name.ts';
import { recordMember } from '../../testing/recorded-member.ts';
import { createConsumerGroups } from './consumer-groups.ts';
import { createCoordinators } from './coordinator-client.ts';
import { ensurePartitionCount } from '../topic/ensure-partition-count.ts';
import { GroupMembershipLostError } from './group-error.ts';
import { createTopicCluster } from '../cluster/topic-cluster.ts';
import { leaveGroupRequest } from '../wire/group-membership.ts';

async function setUp(t: TestContext, partitions = 12) {
  const { connection, topic } = await createTestTopic(t, { partitions });
  const client = { ...connection, clientId: 'test' };
  const open = () => {
    const groups = createConsumerGroups({ ...client, topic });
    t.after(() => groups.close());
    return groups;
  };
  return { open, client, topic, groupId: testName(t) };
}

test('one member has all partitions, and commits for them what the next one starts from', async (t) => {
  const { open, groupId } = await setUp(t, 3);
  const groups = open();
  const first = recordMember(t, groups, { groupId });
  assert.deepEqual(await first.hasPartitions(3), { partitions: [0, 1, 2], committed: new Map() });
  await first.commit(
    new Map([
      [0, 4n],
      [2, 6n],
    ]),
    'filter',
  );
  assert.deepEqual((await groups.offsets.fetch(groupId)).get(2), { offset: 6n, metadata: 'filter' });
  assert.deepEqual(first.told.slice(-2), ['available', 'assigned']);
  await first.stop();

  const second = recordMember(t, groups, { groupId });
  const { committed } = await second.hasPartitions(3);
  assert.deepEqual(
    committed,
    new Map([
      [0, { offset: 4n, metadata: 'filter' }],
      [2, { offset: 6n, metadata: 'filter' }],
    ]),
  );
});

test('members share the partitions; of one that leaves the others have them at once, and keep their own', async (t) => {
  const { open, groupId } = await setUp(t);
  const groups = open();
  const one = recordMember(t, groups, { groupId });
  await one.hasPartitions(12);
  const two = recordMember(t, groups, { groupId });
  const three = recordMember(t, groups, { groupId });
  const members = [one, two, three];
  await Promise.all(members.map((member) => member.hasPartitions(4)));
  const all = members.flatMap((member) => member.current()!.partitions);
  assert.deepEqual(
    all.toSorted((a, b) => a - b),
    Array.from({ length: 12 }, (_, index) => index),
  );

  const kept = one.current()!.partitions;
  const stopping = performance.now();
  await two.stop();
  const { partitions } = await one.hasPartitions(6);
  await three.hasPartitions(6);
  assert.ok(kept.every((partition) => partitions.includes(partition)));
  assert.ok(performance.now() - stopping < 8_000, 'sooner than by the end of its session');
  await one.stop();
  await three.hasPartitions(12);
});

test('in a rebalance a member commits before it lets go, and not after', async (t) => {
  const { open, groupId } = await setUp(t, 2);
  const groups = open();
  const first = recordMember(t, groups, {
    groupId,
    onRevoked: () =>
      first.commit(
        new Map([
          [0, 11n],
          [1, 12n],
        ]),
        'last',
      ),
  });
  await first.hasPartitions(2);
  const second = recordMember(t, groups, { groupId });
  const [mine] = (await first.hasPartitions(1)).partitions;
  const { partitions, committed } = await second.hasPartitions(1);
  const [theirs] = partitions;
  assert.deepEqual(committed.get(theirs!), { offset: BigInt(theirs! + 11), metadata: 'last' });

  await assert.rejects(first.commit(new Map([[theirs!, 20n]]), ''), GroupMembershipLostError);
  await first.commitStart(new Map([[theirs!, 19n]]), 'start');
  assert.equal((await groups.offsets.fetch(groupId)).get(theirs!)?.offset, 19n);
  await first.commitStart(new Map([[theirs!, BigInt(theirs! + 11)]]), 'last');
  await first.commit(new Map([[mine!, 21n]]), '');
  assert.equal((await groups.offsets.fetch(groupId)).get(theirs!)?.offset, BigInt(theirs! + 11));
});

test('a member that vanished is given up after its session, and what it knew of it is over', async (t) => {
  const { open, groupId } = await setUp(t, 4);
  const doomed = open();
  const first = recordMember(t, doomed, { groupId, sessionTimeoutMs: 6_000 });
  await first.hasPartitions(4);
  const second = recordMember(t, open(), { groupId });
  await Promise.all([first.hasPartitions(2), second.hasPartitions(2)]);
  // As if its process had been killed.
  doomed.close();
  await second.hasPartitions(4);
  await assert.rejects(first.commit(new Map([[0, 1n]]), ''), GroupMembershipLostError);
});

test('a member that Kafka has removed learns it from its commit, and joins again', async (t) => {
  const { open, client, topic, groupId } = await setUp(t, 2);
  const groups = open();
  const member = recordMember(t, groups, { groupId, heartbeatIntervalMs: 5_000 });
  await member.hasPartitions(2);
  await removeMembers(client, topic, groupId);

  await assert.rejects(member.commit(new Map([[0, 1n]]), ''), GroupMembershipLostError);
  await eventually(() => assert.deepEqual(member.told.slice(-3), ['assigned', 'revoked', 'assigned']));
  await member.commit(new Map([[0, 1n]]), '');
});

test('a member of another topic is not let into the group, and is told', async (t) => {
  const { open, groupId } = await setUp(t, 2);
  const { connection, topic: otherTopic } = await createTestTopic(t, { partitions: 2 });
  const otherGroups = createConsumerGroups({ ...connection, clientId: 'test', topic: otherTopic });
  t.after(() => otherGroups.close());
  const member = recordMember(t, open(), { groupId });
  await member.hasPartitions(2);
  const stranger = recordMember(t, otherGroups, { groupId });
  await eventually(() => assert.equal(stranger.told.at(-1), 'foreign members'));
  assert.deepEqual(
    stranger.foreignClients().map(({ clientId }) => clientId),
    ['member'],
  );
  const seen = await otherGroups.offsets.describe(groupId);
  assert.deepEqual([seen?.members, seen?.foreignClients.length], [0, 1]);
  await member.commit(new Map([[0, 1n]]), '');
  await member.stop();
  await stranger.hasPartitions(2);
});

test('a client of another kind that is in the group is named, and gone once it has left', async (t) => {
  const { open, topic, client, groupId } = await setUp(t, 2);
  const foreign = await startForeignConsumer(t, client, topic, groupId);
  const groups = open();
  const member = recordMember(t, groups, { groupId });
  await eventually(() => assert.equal(member.told.at(-1), 'foreign members'));
  const [named] = member.foreignClients();
  assert.equal(named?.clientId, 'stranger');
  assert.match(named?.host ?? '', /127\.0\.0\.1/);
  assert.deepEqual((await groups.offsets.describe(groupId))?.foreignClients, [named]);
  await foreign.disconnect();
  await member.hasPartitions(2);
});

test('partitions that are added are assigned', async (t) => {
  const { open, client, topic, groupId } = await setUp(t, 2);
  const groups = open();
  const member = recordMember(t, groups, { groupId, partitionCheckMs: 200 });
  await member.hasPartitions(2);
  await ensurePartitionCount(client, { topic, partitions: 5 }, AbortSignal.timeout(20_000));
  await member.hasPartitions(5);
});

test('stop before start, twice, and while joining leaves no member behind', async (t) => {
  const { open, groupId } = await setUp(t, 2);
  const groups = open();
  const silent = {
    onAssigned() {},
    onRevoked() {},
    onAvailable() {},
    onUnavailable() {},
    onForeignMembers() {},
  };
  const never = groups.member({ groupId, clientId: 'never', events: silent });
  await never.stop();
  never.start();
  const brief = groups.member({ groupId, clientId: 'brief', events: silent });
  brief.start();
  await Promise.all([brief.stop(), brief.stop()]);
  await eventually(async () => assert.equal((await groups.offsets.describe(groupId))?.members ?? 0, 0));
  const next = recordMember(t, groups, { groupId });
  await next.hasPartitions(2);
});

/** A consumer of the common kind that has joined the group. */
async function startForeignConsumer(t: TestContext, client: TestKafka, topic: string, groupId: string) {
  const kafka = new kafkajs.Kafka({
    ...client,
    clientId: 'stranger',
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const consumer = kafka.consumer({ groupId });
  t.after(() => consumer.disconnect());
  const joined = Promise.withResolvers<unknown>();
  consumer.on('consumer.group_join', joined.resolve);
  await consumer.connect();
  await consumer.subscribe({ topic });
  await consumer.run({ eachMessage: async () => {} });
  await joined.promise;
  return consumer;
}

/** Leaves the group in the name of its members. */
async function removeMembers(
  client: TestKafka & { clientId: string },
  topic: string,
  groupId: string,
): Promise<void> {
  const groups = await withKafkaAdmin(client, (admin) => admin.describeGroups([groupId]));
  const cluster = createTopicCluster(client, topic);
  const ask = createCoordinators(cluster, 'group').ask(groupId, AbortSignal.timeout(10_000));
  for (const { memberId } of groups.groups[0]!.members) await ask(leaveGroupRequest(groupId, memberId));
  cluster.close();
}
