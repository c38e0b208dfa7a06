import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ensureTopic } from '@order-events/messaging';
import { metricOf } from '../harness/app-metric.ts';
import { createTestDatabase, eventually, startApp, startKafka } from '../harness/index.ts';
import { startLoad } from '../harness/load.ts';
import { appEnv } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const TOPIC = 'orders.events';
/** Far longer than a request may take (1 s) and a lease lasts (3 s). */
const FREEZE_MS = 20_000;
const CHANGES_WITHOUT_KAFKA = 400;

test('a broker frozen for 20 s under load: nothing is lost, nothing doubled, and the relay goes on', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const kafka = await startKafka(t);
  const { brokers } = kafka;
  await ensureTopic({ brokers, clientId: 'test' }, { topic: TOPIC, partitions: 12, replicationFactor: 1 });
  const system = { databaseUrl, brokers, topic: TOPIC };
  const env = appEnv(system);
  const api = await startApp(t, 'api', env.api);
  const relay = await startApp(t, 'relay', env.relay);
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 8, changesPerSecond: 100 });
  const published = () => metricOf(relay, 'outbox_published_total');
  await eventually(async () => assert.ok((await published()) > 100));

  kafka.freeze();
  const acceptedBefore = load.accepted.length;
  await pause(FREEZE_MS);
  await eventually(() => assert.ok(load.accepted.length > acceptedBefore + CHANGES_WITHOUT_KAFKA));
  const acceptedMeanwhile = load.accepted.length - acceptedBefore;
  const publishedBefore = await published();
  kafka.thaw();
  await eventually(async () => assert.ok((await published()) > publishedBefore + acceptedMeanwhile));

  await load.stop();
  assert.deepEqual(load.failures, []);
  const events = await assertTopicHoldsAll(system);
  t.diagnostic(`${events} events, ${acceptedMeanwhile} of them accepted while Kafka was frozen`);
});
