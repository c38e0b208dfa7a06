import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import kafkajs from 'kafkajs';
import { auditTopic } from '../../tools/load/topic-audit.ts';
import type { AppProcess } from '../../tools/stack/index.ts';
import { metricOf } from '../harness/app-metric.ts';
import { committedChanges } from '../harness/committed-changes.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { startLoad } from '../harness/load.ts';
import { appEnv } from '../harness/order-apps.ts';

const soon = { intervalMs: 100 };

async function setUp(t: TestContext) {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const env = appEnv({ databaseUrl, brokers, topic });
  const api = await startApp(t, 'api', env.api);
  const relay = await startApp(t, 'relay', env.relay);
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  t.after(() => admin.disconnect());
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 8, changesPerSecond: 100 });
  const published = () => metricOf(relay, 'outbox_published_total');
  const accepts = async (count: number) => {
    const target = load.accepted.length + count;
    await eventually(() => assert.ok(load.accepted.length >= target), soon);
  };
  await eventually(async () => assert.ok((await published()) > 200), soon);
  return { databaseUrl, brokers, topic, relay, admin, load, published, accepts };
}

function wasTold(relay: AppProcess, message: RegExp): boolean {
  return relay.logs().some((line) => message.test(JSON.stringify(line)));
}

test('a topic deleted and created again under load: everything that was committed is in the new one, once and in order', async (t) => {
  const { databaseUrl, brokers, topic, relay, admin, load, accepts } = await setUp(t);

  await admin.deleteTopics({ topics: [topic] });
  await eventually(async () => assert.ok(!(await admin.listTopics()).includes(topic)), soon);
  await accepts(100);
  await ensureTopic({ brokers, clientId: 'test' }, { topic, partitions: 12, replicationFactor: 1 });
  await accepts(100);
  await load.stop();

  assert.deepEqual(load.failures, []);
  const due = await committedChanges(databaseUrl);
  const audit = await eventually(async () => {
    const result = await auditTopic(brokers, topic, due);
    assert.equal(result.missing, 0);
    return result;
  }, soon);
  assert.deepEqual([audit.duplicated, audit.outOfOrder], [0, 0]);
  await eventually(
    () => assert.ok(wasTold(relay, /created again.*is published again, once and in order/)),
    soon,
  );
  assert.equal((await fetch(`${relay.urls.admin}/readyz`)).status, 200);
  t.diagnostic(`${audit.events} events in the new topic`);
});

test('partitions added to the topic under load: publishing halts with an instruction, and orders go on', async (t) => {
  const { brokers, topic, relay, admin, load, published, accepts } = await setUp(t);

  await admin.createPartitions({ topicPartitions: [{ topic, count: 16 }] });
  const isReady = async () => (await fetch(`${relay.urls.admin}/readyz`)).ok;
  await eventually(async () => assert.equal(await isReady(), false), soon);
  assert.ok(wasTold(relay, /halted.*partitions.*outboxctl resize/));
  const publishedBefore = await eventually(async () => {
    const before = await published();
    await accepts(50);
    assert.equal(await published(), before, 'it still publishes');
    return before;
  }, soon);
  await load.stop();

  assert.deepEqual(load.failures, []);
  const { events, duplicated, outOfOrder } = await auditTopic(brokers, topic, []);
  assert.deepEqual({ duplicated, outOfOrder }, { duplicated: 0, outOfOrder: 0 });
  // Of a batch that the halt cut off it is not known that it was appended.
  assert.ok(events >= publishedBefore);
  const offsets = await admin.fetchTopicOffsets(topic);
  const added = offsets.filter(({ partition }) => partition >= 12);
  assert.deepEqual(
    added.map(({ offset }) => offset),
    ['0', '0', '0', '0'],
  );
});
