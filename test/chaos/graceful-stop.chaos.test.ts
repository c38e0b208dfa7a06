import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateToLatest } from '@order-events/database';
import { ensureTopic } from '@order-events/messaging';
import { createDeliveryRecord } from '../../tools/load/delivery-record.ts';
import type { AppProcess } from '../../tools/stack/index.ts';
import {
  createTestDatabase,
  createTestTopic,
  eventually,
  startApp,
  startKafka,
  startPostgres,
} from '../harness/index.ts';
import { startLoad, startWatch } from '../harness/load.ts';
import { appEnv, startOrderApps } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

/** The apps' own default, which the processes under test run with. */
const STOP_DEADLINE_MS = 10_000;

/** Ends an app and says how long that took; the end of its log says why it did otherwise than it must. */
async function stopGracefully(app: AppProcess): Promise<number> {
  const startedMs = performance.now();
  app.kill('SIGTERM');
  const exit = await app.exited;
  const ms = Math.round(performance.now() - startedMs);
  const log = app.logs().slice(-30);
  const seen = [`${JSON.stringify(exit)} after ${ms} ms`, ...log.map((line) => JSON.stringify(line))].join(
    '\n',
  );
  assert.ok(exit.code === 0 && exit.signal === null && ms < STOP_DEADLINE_MS, seen);
  return ms;
}

test('each process ends by SIGTERM under load with exit code 0, within its deadline, and nothing is lost', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const system = { databaseUrl, brokers, topic };
  const env = appEnv(system);
  const { api, relay, gateway } = await startOrderApps(t, system);
  let currentGateway = gateway;
  const record = createDeliveryRecord();
  const watch = startWatch(t, {
    address: () => currentGateway.urls.grpc,
    onEvent: (event) => record.deliver({ orderId: event.orderId, version: Number(event.orderVersion) }),
  });
  await watch.started;
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 8, changesPerSecond: 200 });
  await eventually(() => assert.ok(load.accepted.length > 200));

  const stopMs: Record<string, number> = {};
  stopMs['relay'] = await stopGracefully(relay);
  await startApp(t, 'relay', env.relay);
  stopMs['stream-gateway'] = await stopGracefully(gateway);
  currentGateway = await startApp(t, 'stream-gateway', env['stream-gateway']);
  const before = load.accepted.length;
  await eventually(() => assert.ok(load.accepted.length > before + 100));
  stopMs['api'] = await stopGracefully(api);
  await load.stop();

  t.diagnostic(`milliseconds from SIGTERM to the end: ${JSON.stringify(stopMs)}`);
  await assertTopicHoldsAll(system);
  await eventually(() => assert.equal(record.verdict(load.accepted).missing, 0));
  assert.equal(record.verdict([]).outOfOrder, 0);
  // In-flight requests were answered; only connections made after the stop were refused.
  for (const failure of load.failures) assert.match(failure, /fetch failed/);
});

test('the API and the relay end by SIGTERM with exit code 0 also while Postgres and Kafka are away', async (t) => {
  const postgres = await startPostgres(t);
  const kafka = await startKafka(t);
  await migrateToLatest(postgres.url);
  const env = appEnv({ databaseUrl: postgres.url, brokers: kafka.brokers, topic: 'orders.events' });
  await ensureTopic(
    { brokers: kafka.brokers, clientId: 'test' },
    { topic: 'orders.events', partitions: 12, replicationFactor: 1 },
  );
  const api = await startApp(t, 'api', env.api);
  const relay = await startApp(t, 'relay', env.relay);
  await eventually(() => assert.ok(relay.logs().some((line) => line.msg === 'took over')));
  await Promise.all([postgres.stop(), kafka.stop()]);
  const stopMs = { api: await stopGracefully(api), relay: await stopGracefully(relay) };
  t.diagnostic(`milliseconds from SIGTERM to the end: ${JSON.stringify(stopMs)}`);
});
