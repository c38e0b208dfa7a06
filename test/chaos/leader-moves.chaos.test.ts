import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import kafkajs from 'kafkajs';
import type { OrderLoad } from '../../tools/load/order-load.ts';
import type { AppProcess } from '../../tools/stack/index.ts';
import { metricOf } from '../harness/app-metric.ts';
import { createTestDatabase, eventually, startApp, startKafkaCluster } from '../harness/index.ts';
import { startLoad } from '../harness/load.ts';
import { appEnv } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';
import { alterTopic } from '../harness/topic-settings.ts';

const TOPIC = 'orders.events';
const soon = { intervalMs: 100 };

/** Three brokers, an API under load and a relay. */
async function setUp(t: TestContext) {
  const { url: databaseUrl } = await createTestDatabase(t);
  const cluster = await startKafkaCluster(t);
  const { brokers } = cluster;
  const settings = { topic: TOPIC, partitions: 12, replicationFactor: 3 };
  await ensureTopic({ brokers, clientId: 'test' }, settings);
  const system = { databaseUrl, brokers, topic: TOPIC };
  const env = appEnv(system);
  const api = await startApp(t, 'api', env.api);
  const relay = await startApp(t, 'relay', env.relay);
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 8, changesPerSecond: 150 });
  const published = () => metricOf(relay, 'outbox_published_total');
  return {
    cluster,
    relay,
    load,
    system,
    published,
    /** Events flow: so many more are acknowledged. */
    async flows(count: number) {
      const target = (await published()) + count;
      await eventually(async () => assert.ok((await published()) >= target), soon);
    },
    /** Every event that was accepted until now has been acknowledged. */
    async catchesUp() {
      const target = load.accepted.length;
      await eventually(async () => assert.ok((await published()) >= target), soon);
    },
  };
}

type Bench = Awaited<ReturnType<typeof setUp>>;

/** Requires that a relay publishes nothing while the API accepts changes as ever. */
async function isHeld(published: () => Promise<number>, load: OrderLoad): Promise<void> {
  const [publishedBefore, acceptedBefore] = [await published(), load.accepted.length];
  await eventually(() => assert.ok(load.accepted.length >= acceptedBefore + 200), soon);
  assert.equal(await published(), publishedBefore);
}

function wasTold(relay: AppProcess, reason: RegExp): boolean {
  return relay.logs().some((line) => reason.test(String(line['reason'])));
}

async function leadersOf(brokers: string[]): Promise<number[]> {
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] });
    return topics[0]?.partitions.map(({ leader }) => leader) ?? [];
  } finally {
    await admin.disconnect();
  }
}

test('brokers killed, stopped, given back their lead, and too few, under load: every event is in the topic once and in order', async (t) => {
  const bench = await setUp(t);
  const { load, system, flows } = bench;
  await flows(100);
  await loseLeaders(bench);
  await loseReplicas(bench);
  await load.stop();
  assert.deepEqual(load.failures, []);
  const events = await assertTopicHoldsAll(system);
  t.diagnostic(`${events} events`);
});

/** One broker after the other is away for a while; others lead its partitions meanwhile. */
async function loseLeaders({ cluster, flows, catchesUp }: Bench): Promise<void> {
  for (const [index, end] of (['kill', 'stop', 'kill'] as const).entries()) {
    const node = cluster.nodes[index]!;
    assert.ok((await leadersOf(cluster.brokers)).includes(index + 1), 'the broker leads partitions');
    await node[end]();
    await eventually(async () => assert.ok(!(await leadersOf(cluster.brokers)).includes(index + 1)), soon);
    await catchesUp();
    await node.start();
    // Back to the broker that was away, while events flow.
    await cluster.electPreferredLeaders();
    await flows(100);
  }
}

/** Too few brokers to keep an event: the relay waits and orders go on; all is published when the brokers are back. */
async function loseReplicas({ cluster, relay, load, published, catchesUp }: Bench): Promise<void> {
  const { nodes, brokers } = cluster;
  // With all three needed, two are one too few.
  await alterTopic({ brokers, topic: TOPIC }, 'min.insync.replicas', '3');
  await nodes[2]!.kill();
  await eventually(() => assert.ok(wasTold(relay, /NOT_ENOUGH_REPLICAS/)), soon);
  await isHeld(published, load);
  await nodes[2]!.start();
  await catchesUp();

  // One is left, and without a majority of the controllers as well.
  await alterTopic({ brokers, topic: TOPIC }, 'min.insync.replicas', '2');
  await Promise.all([nodes[0]!.kill(), nodes[1]!.kill()]);
  await isHeld(published, load);
  await Promise.all([nodes[0]!.start(), nodes[1]!.start()]);
  await catchesUp();
}
