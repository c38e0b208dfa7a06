import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import { createDeliveryRecord } from '../../tools/load/delivery-record.ts';
import type { AppProcess } from '../../tools/stack/index.ts';
import { committedChanges } from '../harness/committed-changes.ts';
import { createTestDatabase, eventually, startKafka } from '../harness/index.ts';
import { startLoad, startWatch } from '../harness/load.ts';
import { startOrderApps } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const TOPIC = 'orders.events';
// As many as it takes for a request that waited for Kafka to be noticed, however slow the machine.
const CHANGES_WITHOUT_KAFKA = 600;

async function pendingEvents(relay: AppProcess): Promise<number> {
  const metrics = await (await fetch(`${relay.urls.admin}/metrics`)).text();
  return Number(/^outbox_pending_events\{[^}]*\} (\d+)$/m.exec(metrics)?.[1]);
}

async function isReady(app: AppProcess): Promise<boolean> {
  return (await fetch(`${app.urls.admin}/readyz`)).ok;
}

test('everything starts and works while Kafka is away; when it comes, everything flows, and when it goes, too', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const kafka = await startKafka(t);
  await kafka.stop();
  const apps = await startOrderApps(t, { databaseUrl, brokers: kafka.brokers, topic: TOPIC });
  const { api, relay, gateway } = apps;
  for (const app of [api, relay, gateway]) assert.ok(await isReady(app));

  const record = createDeliveryRecord();
  const sourceStates: boolean[] = [];
  const watch = startWatch(t, {
    address: () => gateway.urls.grpc,
    onEvent: (event) => record.deliver({ orderId: event.orderId, version: Number(event.orderVersion) }),
    onSignal(signal) {
      if (signal.$case === 'sourceStateChanged') sourceStates.push(signal.value.available);
    },
  });
  await watch.started;
  await eventually(() => assert.deepEqual(sourceStates, [false]));

  const load = startLoad(t, { apiUrl: api.urls.http, workers: 8, changesPerSecond: 100 });
  await eventually(async () => assert.ok((await pendingEvents(relay)) > 50));
  await kafka.start();
  await ensureTopic(
    { brokers: kafka.brokers, clientId: 'test' },
    { topic: TOPIC, partitions: 12, replicationFactor: 1 },
  );
  await eventually(() => assert.deepEqual(sourceStates, [false, true]));
  await eventually(() => assert.equal(record.verdict(load.accepted.slice(0, 50)).missing, 0));

  await kafka.stop();
  await eventually(() => assert.deepEqual(sourceStates, [false, true, false]));
  const acceptedBefore = load.accepted.length;
  await eventually(() => assert.ok(load.accepted.length >= acceptedBefore + CHANGES_WITHOUT_KAFKA));
  const acceptedMeanwhile = load.accepted.length - acceptedBefore;
  await kafka.start();
  await load.stop();
  assert.deepEqual(load.failures, []);

  const events = await assertTopicHoldsAll({ databaseUrl, brokers: kafka.brokers, topic: TOPIC });
  const committed = await committedChanges(databaseUrl);
  const verdict = await eventually(() => {
    const found = record.verdict(committed);
    assert.equal(found.missing, 0);
    return found;
  });
  assert.deepEqual(verdict, { missing: 0, duplicated: 0, outOfOrder: 0 });
  assert.equal(watch.reconnects(), 0, 'the stream outlived the outage');
  for (const app of [api, relay, gateway]) assert.ok(await isReady(app), 'no process was restarted');
  t.diagnostic(`${events} events, ${acceptedMeanwhile} of them accepted while Kafka was away`);
});
