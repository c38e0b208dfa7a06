import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import { watchOrders } from '@order-events/order-stream';
import pg from 'pg';
import { runOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import { createDeliveryRecord } from '../../tools/load/delivery-record.ts';
import { auditTopic } from '../../tools/load/topic-audit.ts';
import type { AppProcess, EmbeddedKafka } from '../../tools/stack/index.ts';
import { metricOf } from '../harness/app-metric.ts';
import { committedChanges, databaseTime } from '../harness/committed-changes.ts';
import { createTestDatabase, eventually, startApp, startKafka } from '../harness/index.ts';
import { withKafkaAdmin } from '../harness/kafka-admin.ts';
import { startLoad } from '../harness/load.ts';
import { appEnv } from '../harness/order-apps.ts';
import { eventIdsOfTopic, insertOutboxEvents, outboxEventIds } from '../harness/outbox-events.ts';

const LOST = /has lost events that Kafka had acknowledged/;
const LOST_BY_KAFKA =
  /Kafka has lost events that it had acknowledged, in partitions 0, 1, 2, 3; what is missing is published again/;
const soon = { patienceMs: 120_000, intervalMs: 200 };
const TOPIC = 'orders.events';
const PARTITIONS = 4;

interface World {
  readonly kafka: EmbeddedKafka;
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly pool: pg.Pool;
  readonly relay: AppProcess;
  readonly env: ReturnType<typeof appEnv>;
  readonly load: ReturnType<typeof startLoad>;
  /** Resolves when so many more orders and changes are accepted. */
  accepts(count: number): Promise<void>;
}

async function setUp(t: TestContext): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), 'order-events-cut-'));
  const kafka = await startKafka(t, { dataDir });
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  await createTopic(kafka);
  const { url: databaseUrl } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: databaseUrl });
  t.after(() => pool.end());
  const env = appEnv({ databaseUrl, brokers: kafka.brokers, topic: TOPIC });
  const api = await startApp(t, 'api', env.api);
  const relay = await startApp(t, 'relay', env.relay);
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 4, changesPerSecond: 60 });
  const accepts = async (count: number) => {
    const target = load.accepted.length + count;
    await eventually(() => assert.ok(load.accepted.length >= target), soon);
  };
  await eventually(async () => assert.ok((await metricOf(relay, 'outbox_published_total')) > 100), soon);
  return { kafka, dataDir, databaseUrl, pool, relay, env, load, accepts };
}

const createTopic = ({ brokers }: EmbeddedKafka) =>
  ensureTopic({ brokers, clientId: 'test' }, { topic: TOPIC, partitions: PARTITIONS, replicationFactor: 1 });

/** What a power cut leaves of a log whose last writes were not on the disk yet: its beginning. */
async function cutLogs(dataDir: string, keep: number): Promise<number> {
  let lost = 0;
  for (const directory of await readdir(dataDir)) {
    if (!directory.startsWith(`${TOPIC}-`)) continue;
    for (const file of await readdir(join(dataDir, directory))) {
      const path = join(dataDir, directory, file);
      if (/\.(index|timeindex|snapshot|txnindex)$/.test(file)) await rm(path);
      if (!file.endsWith('.log')) continue;
      const { size } = await stat(path);
      await truncate(path, Math.floor(size * keep));
      lost += size - Math.floor(size * keep);
    }
  }
  return lost;
}

/** Until the topic has every committed change: each once, and each order's in order. */
async function assertWhole({ databaseUrl, kafka }: World): Promise<number> {
  const changes = await committedChanges(databaseUrl);
  const audit = await eventually(async () => {
    const result = await auditTopic(kafka.brokers, TOPIC, changes);
    assert.deepEqual([result.duplicated, result.outOfOrder], [0, 0]);
    assert.equal(result.missing, 0);
    return result;
  }, soon);
  assert.equal(audit.events, changes.length);
  return audit.events;
}

/** How many partitions the relay found cut, by what it published again. */
async function cutsOf(relay: AppProcess): Promise<Record<string, number>> {
  const metrics = await (await fetch(`${relay.urls.admin}/metrics`)).text();
  const found = metrics.matchAll(/^outbox_relay_log_cuts_total\{.*healed="(\w+)".*\} (\d+)$/gm);
  const counts = [...found].map(([, healed, count]) => [healed, Number(count)] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** A watch that bears gaps, from now on, and what it was sent. */
async function startBearingWatch(t: TestContext, address: string) {
  const record = createDeliveryRecord();
  const told = { gaps: 0, events: 0 };
  const stopping = new AbortController();
  const started = Promise.withResolvers<void>();
  const watching = (async () => {
    for await (const { events, signal } of watchOrders({
      address,
      allowGap: true,
      signal: stopping.signal,
    })) {
      for (const { orderId, orderVersion } of events) {
        record.deliver({ orderId, version: Number(orderVersion) });
      }
      told.events += events.length;
      if (signal?.$case === 'gap') told.gaps += 1;
      if (signal?.$case === 'started') started.resolve();
    }
  })();
  watching.catch(started.reject);
  t.after(async () => {
    stopping.abort();
    await watching;
  });
  await started.promise;
  return { ...record, told };
}

const wasTold = (relay: AppProcess, what: RegExp) =>
  relay.logs().some(({ msg, level }) => level === 'warn' && what.test(String(msg)));

test('a log that has lost a part of what was acknowledged gets it again, once and in order, while relays are killed', async (t) => {
  const world = await setUp(t);
  const { kafka, dataDir, databaseUrl, relay, load, accepts } = world;
  const gateway = await startApp(t, 'stream-gateway', world.env['stream-gateway']);
  const watch = await startBearingWatch(t, gateway.urls.grpc);
  const since = await databaseTime(databaseUrl);
  await accepts(200);
  const heir = await startApp(t, 'relay', world.env.relay);
  await kafka.kill();
  assert.ok((await cutLogs(dataDir, 0.6)) > 0);
  await kafka.start();
  // In the middle of it, as far as it has come.
  await eventually(() => assert.ok([relay, heir].some((one) => wasTold(one, LOST))), soon);
  relay.kill('SIGKILL');
  await accepts(100);
  await load.stop();

  assert.deepEqual(load.failures, []);
  const events = await assertWhole(world);
  const due = await committedChanges(databaseUrl, since);
  await eventually(() => assert.equal(watch.verdict(due).missing, 0), soon);
  assert.ok(watch.told.gaps > 0);
  assert.ok(![relay, heir].some((one) => wasTold(one, /outboxctl replay/)));
  t.diagnostic(
    `${events} events in the topic; ${watch.told.events} sent to the watch, with ${watch.told.gaps} gaps`,
  );
});

test('a log that has lost all that was acknowledged gets it again while nobody publishes, and everybody can see it', async (t) => {
  const world = await setUp(t);
  const { kafka, dataDir, relay, load, databaseUrl } = world;
  await load.stop();
  await assertWhole(world);
  await kafka.kill();
  assert.ok((await cutLogs(dataDir, 0)) > 0);
  await kafka.start();
  await assertWhole(world);

  assert.deepEqual(await cutsOf(relay), { whole: PARTITIONS });
  assert.ok(wasTold(relay, LOST));
  await eventually(async () => {
    const status = await runOutboxctl({ ...world.env.relay, DATABASE_URL: databaseUrl }, 'status');
    assert.match(status.stdout, LOST_BY_KAFKA);
  }, soon);
  assert.match(await (await fetch(`${relay.urls.admin}/status`)).text(), LOST_BY_KAFKA);
});

test('a topic that is created again gets what was published as far back as checkpoints are kept, and the rest is named', async (t) => {
  const world = await setUp(t);
  const { kafka, relay, load, pool } = world;
  const recreate = async () => {
    await withKafkaAdmin(kafka, async (admin) => {
      await admin.deleteTopics({ topics: [TOPIC] });
      await eventually(async () => assert.ok(!(await admin.listTopics()).includes(TOPIC)), soon);
    });
    await createTopic(kafka);
  };
  await load.stop();
  await assertWhole(world);
  // As more than a day later: what was published up to now is covered by the oldest checkpoint.
  relay.kill();
  await relay.exited;
  await pool.query(
    `UPDATE relay_partition SET log_history = jsonb_build_array((log_mark - 'of') || jsonb_build_object(
       'cursor', jsonb_build_object('cursor', cursor::text, 'page_target', NULL, 'page_seq', NULL, 'page_end', NULL),
       'logOffset', log_offset::text, 'atMs', 1000))`,
  );
  const later = await startApp(t, 'relay', world.env.relay);
  const before = new Set(await outboxEventIds(pool));
  await insertOutboxEvents(pool, 40);
  await eventually(async () => assert.equal(await metricOf(later, 'outbox_published_total'), 40), soon);
  await recreate();
  await eventually(async () => assert.deepEqual(await cutsOf(later), { partly: PARTITIONS }), soon);
  const fresh = (await outboxEventIds(pool)).filter((id) => !before.has(id));
  await eventually(async () => assert.deepEqual(await eventIdsOfTopic(kafka.brokers, TOPIC), fresh), soon);
  assert.ok(wasTold(later, /created again.*what is older is not: `outboxctl replay --since/));
});
