import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { eventually, startKafka } from '../../../../test/harness/index.ts';
import { startLossyProxy } from '../../testing/lossy-proxy.ts';
import { recordMember } from '../../testing/recorded-member.ts';
import { createConsumerGroups } from './consumer-groups.ts';
import { ensureTopic } from '../topic/ensure-topic.ts';
import { GroupMembershipLostError } from './group-error.ts';

const TOPIC = 'shared';
const GROUP = 'group';
const ALL = [0, 1, 2];
const FETCH = 1;

/** Groups on a Kafka of the test's own, reached through a proxy. */
async function setUp(t: TestContext) {
  const asked: number[] = [];
  const proxy = await startLossyProxy(t, (apiKey) => asked.push(apiKey));
  const kafka = await startKafka(t, {
    settings: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}` },
  });
  proxy.forwardTo(kafka.port);
  const client = { brokers: [`127.0.0.1:${proxy.port}`], clientId: 'test', requestTimeoutMs: 1_000 };
  await ensureTopic(client, { topic: TOPIC, partitions: ALL.length, replicationFactor: 1 });
  const open = () => {
    const groups = createConsumerGroups({ ...client, topic: TOPIC });
    t.after(() => groups.close());
    return groups;
  };
  return { kafka, proxy, asked, open };
}

const openHandles = (kind: string) =>
  process.getActiveResourcesInfo().filter((resource) => resource === kind).length;

test('a broker that goes away and comes back does not end a membership, and a commit waits for it', async (t) => {
  const { kafka, open, asked } = await setUp(t);
  const groups = open();
  const member = recordMember(t, groups, { groupId: GROUP, sessionTimeoutMs: 60_000 });
  await member.hasPartitions(3);
  for (const leave of [() => kafka.stop(), () => kafka.kill()]) {
    await leave();
    await eventually(() => assert.equal(member.told.at(-1), 'unavailable'));
    const committed = member.commit(new Map([[1, 7n]]), '').then(
      () => 'committed',
      (error: unknown) => error,
    );
    await kafka.start();
    // A broker that was killed may not remember the last rebalance: then the member has to join again.
    const outcome = await committed;
    assert.ok(outcome === 'committed' || outcome instanceof GroupMembershipLostError, String(outcome));
    await eventually(() =>
      assert.ok(member.told.lastIndexOf('available') > member.told.lastIndexOf('unavailable')),
    );
    await member.hasPartitions(3);
  }
  await member.commit(new Map([[1, 9n]]), '');
  assert.equal((await groups.offsets.fetch(GROUP)).get(1)?.offset, 9n);
  assert.ok(!asked.includes(FETCH), 'a member never fetches');
});

test('a member that Kafka cannot hear loses its partitions by itself, and gets them back', async (t) => {
  const { kafka, open } = await setUp(t);
  const groups = open();
  const member = recordMember(t, groups, { groupId: GROUP, sessionTimeoutMs: 6_000 });
  await member.hasPartitions(3);
  kafka.freeze();
  await eventually(() => assert.equal(member.told.at(-1), 'revoked'));
  await assert.rejects(member.commit(new Map([[0, 1n]]), ''), GroupMembershipLostError);
  kafka.thaw();
  await member.hasPartitions(3);
  await member.commit(new Map([[0, 1n]]), '');
});

test('a socket that went silent is replaced within the session', async (t) => {
  const { proxy, open } = await setUp(t);
  const groups = open();
  const member = recordMember(t, groups, { groupId: GROUP, sessionTimeoutMs: 12_000 });
  await member.hasPartitions(3);
  proxy.loseAnswers(true);
  await eventually(() => assert.equal(member.told.at(-1), 'unavailable'));
  proxy.loseAnswers(false);
  await member.commit(new Map([[0, 5n]]), '');
  await eventually(() => assert.equal(member.told.at(-1), 'available'));
  assert.ok(!member.told.includes('revoked'));
});

test('to stop takes no longer than a moment while the broker is away or frozen, and leaves nothing behind', async (t) => {
  const { kafka, open } = await setUp(t);
  for (const [disturb, mend] of [
    [() => kafka.freeze(), () => kafka.thaw()],
    [() => kafka.kill(), () => kafka.start()],
  ] as const) {
    const groups = open();
    const member = recordMember(t, groups, { groupId: GROUP });
    const joining = recordMember(t, groups, { groupId: GROUP });
    await eventually(() => assert.ok(member.told.includes('assigned')));
    await disturb();
    const startedAtMs = performance.now();
    await Promise.all([member.stop(), joining.stop()]);
    assert.ok(performance.now() - startedAtMs < 6_000);
    groups.close();
    await mend();
    await eventually(() => {
      assert.equal(openHandles('TCPSocketWrap'), 0);
      // That of this probe.
      assert.equal(openHandles('Timeout'), 1);
    });
  }
});
