import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { createOrderClient } from '../../apps/api/testing/order-client.ts';
import { runOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import { metricOf } from '../harness/app-metric.ts';
import { createTestTopic, eventually, startApp } from '../harness/index.ts';
import { startLoad, startWatch } from '../harness/load.ts';
import { appEnv, startOrderApps } from '../harness/order-apps.ts';
import { eventIdsOfTopic, outboxEventIds } from '../harness/outbox-events.ts';
import { startPostgresPair } from '../harness/postgres-pair.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';
import { committedChanges } from '../harness/committed-changes.ts';
import { silences } from '../harness/silences.ts';

test('a synchronous standby is promoted under load: all go on by themselves, nothing acknowledged is lost', async (t) => {
  const pair = await startPostgresPair(t);
  const { brokers, topic } = await createTestTopic(t);
  const system = { databaseUrl: pair.url, brokers, topic };
  const { api, relay, gateway } = await startOrderApps(t, system);
  const relays = [relay, await startApp(t, 'relay', appEnv(system).relay)];
  await pair.waitForStandby();
  const [accepting, delivering] = [silences(), silences()];
  const delivered = new Set<string>();
  const watch = startWatch(t, {
    address: () => gateway.urls.grpc,
    onEvent({ orderId, orderVersion }) {
      delivering.heard();
      delivered.add(`${orderId}/${orderVersion}`);
    },
  });
  await watch.started;
  const load = startLoad(t, {
    ...{ apiUrl: api.urls.http, workers: 8, changesPerSecond: 200 },
    onAccepted: () => accepting.heard(),
  });
  const goesOn = async () => {
    const before = load.accepted.length;
    await eventually(() => assert.ok(load.accepted.length > before + 200));
  };
  const isRefusedWith = (code: string) =>
    eventually(() => assert.ok(load.failures.some((failure) => failure.includes(code))));
  await goesOn();

  const killedMs = performance.now();
  await pair.primary.kill();
  await isRefusedWith('service_unavailable');
  pair.moveAddress();
  // The standby answers, and takes no changes yet.
  await isRefusedWith('read_only');
  const promotedMs = performance.now();
  await pair.promote();
  await goesOn();
  await load.stop();
  for (const failure of load.failures) {
    assert.match(failure, /: 503 .*(service_unavailable|overloaded|read_only)/);
  }

  const events = await assertTopicHoldsAll(system);
  const committed = await committedChanges(pair.url);
  const kept = new Set(committed.map(({ orderId, version }) => `${orderId}/${version}`));
  const isLost = ({ orderId, version }: { orderId: string; version: number }) =>
    !kept.has(`${orderId}/${version}`);
  assert.deepEqual(load.accepted.filter(isLost), []);
  await eventually(() =>
    assert.deepEqual(
      [...kept].filter((change) => !delivered.has(change)),
      [],
    ),
  );
  assert.equal(watch.reconnects(), 0);
  for (const app of [api, ...relays, gateway]) {
    await eventually(async () => assert.ok((await fetch(`${app.urls.admin}/readyz`)).ok));
  }
  t.diagnostic(
    [
      `${load.accepted.length} changes accepted, ${load.failures.length} refused, ${events} events`,
      `promoted ${seconds(promotedMs - killedMs)} after the kill`,
      `after the promotion: accepted again after ${seconds(accepting.firstAfter(promotedMs))}, delivered again after ${seconds(delivering.firstAfter(promotedMs))}`,
      `longest silence: of accepted changes ${seconds(accepting.longest())}, of the stream ${seconds(delivering.longest())}`,
    ].join('; '),
  );
});

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

const KEPT = 40;
const LOST = 20;

test('an asynchronous standby that lacks commits is promoted: nothing else is lost or doubled, and what the database lost is named', async (t) => {
  const pair = await startPostgresPair(t);
  const { brokers, topic } = await createTestTopic(t);
  const system = { databaseUrl: pair.url, brokers, topic };
  const { api, relay } = await startOrderApps(t, system);
  const { place, move, send } = createOrderClient(api.urls.http);
  const placeMany = (count: number) => Promise.all(Array.from({ length: count }, () => place()));
  const pool = new pg.Pool({ connectionString: pair.url, max: 1 });
  pool.on('error', () => {});
  t.after(() => pool.end());
  const reachTopic = async (expected: readonly string[]) =>
    eventually(async () => assert.deepEqual(await eventIdsOfTopic(brokers, topic), [...expected].sort()), {
      intervalMs: 250,
    });

  const [changedOnBoth = ''] = await placeMany(KEPT);
  const kept = await outboxEventIds(pool);
  await reachTopic(kept);
  await pair.standby.stop();
  const lostOrders = await placeMany(LOST - 1);
  await move(changedOnBoth, 'confirmed');
  const published = await outboxEventIds(pool);
  assert.equal(published.length, KEPT + LOST);
  await reachTopic(published);

  await pair.primary.kill();
  pair.moveAddress();
  await pair.standby.restart();
  await pair.promote();
  await eventually(() => move(changedOnBoth, 'cancelled'));
  assert.equal((await send('GET', `/orders/${lostOrders[0]}`)).status, 404);
  await placeMany(LOST);
  const everCommitted = new Set([...published, ...(await outboxEventIds(pool))]);
  assert.equal(everCommitted.size, published.length + 1 + LOST);
  await reachTopic([...everCommitted]);

  const lost = published.filter((id) => !kept.includes(id));
  await eventually(() => {
    const told = relay.logs().flatMap(({ onlyInTopic }) => (onlyInTopic as string[] | undefined) ?? []);
    assert.deepEqual(told.sort(), lost.sort());
  });
  assert.equal(await metricOf(relay, 'outbox_relay_only_in_topic_total'), LOST);
  await eventually(async () => {
    const { stdout: status } = await runOutboxctl(appEnv(system).relay, 'status');
    assert.match(status, new RegExp(`the outbox does not, ${LOST} in partitions`));
  });
  const { code, stdout } = await runOutboxctl(appEnv(system).relay, 'verify', '--json');
  const { only_in_topic, missing, doubled, out_of_order } = JSON.parse(stdout);
  assert.deepEqual(
    { code, only_in_topic, missing, doubled, out_of_order },
    {
      ...{ code: 0, only_in_topic: LOST, missing: 0, doubled: 0, out_of_order: 0 },
    },
  );
  assert.ok((await fetch(`${relay.urls.admin}/readyz`)).ok);
});
