import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ensureTopic } from '@order-events/messaging';
import pg from 'pg';
import { changeOrder, createHotOrders } from '../../packages/outbox/testing/outbox-workload.ts';
import { findFreePort } from '../../tools/stack/index.ts';
import { metricOf } from '../harness/app-metric.ts';
import { startCutProxy } from '../harness/cut-proxy.ts';
import { createTestDatabase, eventually, startApp, startKafka } from '../harness/index.ts';
import { assertOutboxPublished } from '../harness/record-audit.ts';

const TOPIC = 'orders.events';
const PARTITIONS = 12;
const ORDERS = 36;
/** Longer than a busy machine holds up a process: a lease that runs out moves partitions, too. */
const LEASE_MS = 6000;
const CUT_OFF_MS = 2 * LEASE_MS;

/** A Kafka of the test's own that one relay reaches through a proxy, by a listener of its own. */
async function startSplitKafka(t: TestContext) {
  const proxy = await startCutProxy(t);
  const [port, far, controller] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const kafka = await startKafka(t, {
    port,
    settings: {
      listeners: `PLAINTEXT://127.0.0.1:${port},FAR://127.0.0.1:${far},CONTROLLER://127.0.0.1:${controller}`,
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},FAR://127.0.0.1:${proxy.port}`,
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,FAR:PLAINTEXT',
    },
  });
  proxy.forwardTo(far);
  return { kafka, proxy };
}

async function setup(t: TestContext) {
  const [{ url }, { kafka, proxy }] = await Promise.all([createTestDatabase(t), startSplitKafka(t)]);
  const { brokers } = kafka;
  await ensureTopic(
    { brokers, clientId: 'test' },
    { topic: TOPIC, partitions: PARTITIONS, replicationFactor: 1 },
  );
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  t.after(() => pool.end());
  const orderIds = await createHotOrders(pool, ORDERS);
  const startRelay = (broker: string) =>
    startApp(t, 'relay', {
      DATABASE_URL: url,
      KAFKA_BROKERS: broker,
      RELAY_LEASE_MS: String(LEASE_MS),
      RELAY_PRODUCE_TIMEOUT_MS: '700',
      RELAY_CUT_OFF_MS: String(CUT_OFF_MS),
    });
  const far = await startRelay(`127.0.0.1:${proxy.port}`);
  const near = await startRelay(brokers.join());
  const column = async <T>(sql: string) =>
    (await pool.query<{ value: T }>(sql)).rows.map(({ value }) => value);
  const world = {
    ...{ kafka, proxy, far, near },
    owned: async () =>
      await Promise.all([far, near].map((relay) => metricOf(relay, 'outbox_relay_partitions_owned'))),
    reach: () => column<string>('SELECT kafka_reach AS value FROM relay_instance ORDER BY 1'),
    owners: () =>
      column<string>(
        `SELECT concat_ws(' ', partition, owner, epoch) AS value FROM relay_partition ORDER BY 1`,
      ),
    pending: () => metricOf(near, 'outbox_pending_events'),
    assertPublished: () => assertOutboxPublished({ databaseUrl: url, brokers, topic: TOPIC }),
    /** Changes orders one after the other, until it is told to end. */
    startWriting() {
      const end = new AbortController();
      const writing = (async () => {
        while (!end.signal.aborted) {
          for (const orderId of orderIds) await changeOrder(pool, orderId);
          await pause(20);
        }
      })();
      return async () => {
        end.abort();
        await writing;
      };
    },
    async stop() {
      for (const relay of [far, near]) {
        relay.kill('SIGTERM');
        assert.deepEqual(await relay.exited, { code: 0, signal: null });
      }
    },
  };
  await eventually(async () => assert.deepEqual(await world.owned(), [PARTITIONS / 2, PARTITIONS / 2]));
  await eventually(async () => assert.deepEqual(await world.reach(), ['steady', 'steady']));
  return world;
}

test('a relay that is cut off from Kafka alone is replaced, and has its share again when the cut is over', async (t) => {
  const { proxy, far, near, owned, reach, assertPublished, startWriting, stop } = await setup(t);
  const endWriting = startWriting();
  t.after(endWriting);
  const cutAtMs = performance.now();
  proxy.cut();
  await eventually(async () => assert.deepEqual(await owned(), [0, PARTITIONS]));
  t.diagnostic(
    `all partitions had an owner that reaches Kafka ${Math.round(performance.now() - cutAtMs)} ms after the cut`,
  );
  assert.deepEqual(await reach(), ['gave way', 'steady']);
  const metrics = async () => await (await fetch(`${far.urls.admin}/metrics`)).text();
  await eventually(async () => {
    assert.match(await metrics(), /^outbox_findings\{name="cut-off",severity="fault"[^}]*\} 1$/m);
    assert.match(
      await (await fetch(`${near.urls.admin}/status`)).text(),
      /does not reach Kafka, and has given/,
    );
  });
  assert.match(
    await metrics(),
    /^outbox_relay_lease_moves_total\{move="released",reason="cut off"[^}]*\} 6$/m,
  );
  await endWriting();
  await assertPublished();

  const endWritingAgain = startWriting();
  t.after(endWritingAgain);
  proxy.mend();
  await eventually(async () => assert.deepEqual(await owned(), [PARTITIONS / 2, PARTITIONS / 2]));
  await eventually(async () => assert.doesNotMatch(await metrics(), /name="cut-off"/));
  await endWritingAgain();
  await assertPublished();
  await stop();
  await assertPublished();
});

test('while no relay reaches Kafka no partition changes its owner', async (t) => {
  const { kafka, far, near, owners, reach, assertPublished, startWriting, stop } = await setup(t);
  const endWriting = startWriting();
  t.after(endWriting);
  const before = await owners();
  await kafka.stop();
  // Longer than it takes to be cut off.
  for (const relay of [far, near]) {
    await eventually(
      async () =>
        assert.match(await (await fetch(`${relay.urls.admin}/status`)).text(), /does not take events/),
      { patienceMs: 120_000 },
    );
  }
  assert.deepEqual(await reach(), ['unsteady', 'unsteady']);
  assert.deepEqual(await owners(), before);
  await kafka.start();
  await eventually(async () => assert.deepEqual(await reach(), ['steady', 'steady']));
  assert.deepEqual(await owners(), before);
  await endWriting();
  await assertPublished();
  await stop();
});
