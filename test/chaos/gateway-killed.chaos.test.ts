import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createDeliveryRecord } from '../../tools/load/delivery-record.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { startLoad, startWatch } from '../harness/load.ts';
import { appEnv, startOrderApps } from '../harness/order-apps.ts';

const KILLS = 8;
const WATCHERS = 20;

test('clients that resume lose nothing, whenever the gateway is killed', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const system = { databaseUrl, brokers, topic };
  const { api, gateway: first } = await startOrderApps(t, system);
  let gateway = first;
  const subscribers = Array.from({ length: WATCHERS }, () => {
    const record = createDeliveryRecord();
    const watch = startWatch(t, {
      address: () => gateway.urls.grpc,
      onEvent: (event) => record.deliver({ orderId: event.orderId, version: Number(event.orderVersion) }),
    });
    return { record, watch };
  });
  await Promise.all(subscribers.map(({ watch }) => watch.started));

  const load = startLoad(t, { apiUrl: api.urls.http, workers: 8, changesPerSecond: 150 });
  for (let kill = 0; kill < KILLS; kill++) {
    await pause(300 + Math.random() * 2500);
    gateway.kill('SIGKILL');
    await gateway.exited;
    gateway = await startApp(t, 'stream-gateway', appEnv(system)['stream-gateway']);
  }
  await load.stop();
  assert.deepEqual(load.failures, []);

  for (const { record, watch } of subscribers) {
    await eventually(() => assert.equal(record.verdict(load.accepted).missing, 0), { deadlineMs: 30_000 });
    const { duplicated, outOfOrder } = record.verdict(load.accepted);
    // A message arrives whole, with its token, or not at all; so nothing comes twice either.
    assert.deepEqual({ duplicated, outOfOrder }, { duplicated: 0, outOfOrder: 0 });
    assert.ok(watch.reconnects() >= KILLS);
  }
  t.diagnostic(`${KILLS} kills, ${WATCHERS} watchers, ${load.accepted.length} events each`);
});
