import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConsumerGroups, ensureTopic, GroupMembershipLostError } from '@order-events/messaging';
import { recordMember } from '../../packages/messaging/testing/recorded-member.ts';
import { eventually, startKafkaCluster } from '../harness/index.ts';

const TOPIC = 'shared';
const GROUP_IDS = ['orders-stream.a', 'orders-stream.b', 'orders-stream.c', 'orders-stream.d'];
const PARTITIONS = 4;
const PATIENCE = { intervalMs: 100 };

test('groups go on while each broker in turn is killed, whichever of them coordinates which group', async (t) => {
  const { brokers, nodes } = await startKafkaCluster(t);
  const client = { brokers, clientId: 'test', connectTimeoutMs: 1_000, requestTimeoutMs: 2_000 };
  await ensureTopic(client, { topic: TOPIC, partitions: PARTITIONS, replicationFactor: 3 });
  const groups = createConsumerGroups({ ...client, topic: TOPIC });
  t.after(() => groups.close());
  const members = GROUP_IDS.map((groupId) => ({ groupId, member: recordMember(t, groups, { groupId }) }));
  const stored = new Map<string, bigint>();

  /** Commits a higher offset with each call, and finds the one that was stored before, or a higher one whose answer was lost. */
  async function goOn({ groupId, member }: (typeof members)[number]): Promise<void> {
    await member.hasPartitions(PARTITIONS);
    const before = stored.get(groupId) ?? 0n;
    await eventually(async () => {
      await member.commit(new Map([[1, before + 1n]]), 'filter').catch((error: unknown) => {
        assert.ok(error instanceof GroupMembershipLostError, String(error));
        throw error;
      });
    }, PATIENCE);
    stored.set(groupId, before + 1n);
    await eventually(async () => {
      const committed = await groups.offsets.fetch(groupId);
      assert.deepEqual(committed.get(1), { offset: before + 1n, metadata: 'filter' });
    }, PATIENCE);
  }

  await Promise.all(members.map(goOn));
  for (const node of nodes) {
    await node.kill();
    await Promise.all(members.map(goOn));
    await eventually(async () => {
      const all = await groups.offsets.list();
      assert.deepEqual(all.filter((id) => id.startsWith('orders-stream.')).toSorted(), GROUP_IDS);
    }, PATIENCE);
    await node.start();
    await Promise.all(members.map(goOn));
  }
  t.diagnostic(members.map(({ groupId, member }) => `${groupId}: ${member.told.join(' ')}`).join('; '));
});
