import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { OrderStatus } from '@order-events/order-stream';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { startLoad } from '../harness/load.ts';
import { appEnv, startOrderApps } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';
import { assertComplete, assertResumesAnywhere } from '../watch-validation/read-to-end.ts';
import { readTopicLog } from '../watch-validation/read-topic-log.ts';
import { recordClient } from '../watch-validation/record-client.ts';

const KILLS = 8;
const WATCHERS = 20;
const FILTERS = [
  {},
  { statuses: [OrderStatus.CONFIRMED, OrderStatus.CANCELLED] },
  { customerIds: ['customer-7'] },
];

test('clients that resume lose nothing, whenever the gateway is killed', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const system = { databaseUrl, brokers, topic };
  const { api, gateway: first } = await startOrderApps(t, system);
  let gateway = first;
  const clients = Array.from({ length: WATCHERS }, (_, index) =>
    recordClient(t, {
      client: `watcher ${index}`,
      address: () => gateway.urls.grpc,
      filter: FILTERS[index % FILTERS.length]!,
    }),
  );
  await Promise.all(clients.map(({ started }) => started));

  const load = startLoad(t, { apiUrl: api.urls.http, workers: 8, changesPerSecond: 150 });
  for (let kill = 0; kill < KILLS; kill++) {
    await pause(300 + Math.random() * 2500);
    gateway.kill('SIGKILL');
    await gateway.exited;
    gateway = await startApp(t, 'stream-gateway', appEnv(system)['stream-gateway']);
  }
  await load.stop();
  assert.deepEqual(load.failures, []);

  await assertTopicHoldsAll(system);
  const log = await readTopicLog(system);
  const histories = () => clients.map((client) => client.history());
  // A message arrives whole, with its token, or not at all; so nothing comes twice either.
  await eventually(() => assertComplete(histories(), log), { intervalMs: 500 });
  for (const { interruptions } of clients) assert.ok(interruptions.length >= KILLS);
  for (const history of histories().slice(0, FILTERS.length)) {
    await assertResumesAnywhere(t, gateway.urls.grpc, history, log);
  }
  t.diagnostic(`${KILLS} kills, ${WATCHERS} watchers, ${load.accepted.length} events`);
});
