import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CANARY_EVENT_TYPE, createLogReader, type LogRecord } from '@order-events/messaging';
import pg from 'pg';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../../../test/harness/index.ts';
import { metricOf } from '../../../test/harness/app-metric.ts';
import { changeOrder, createHotOrders } from '../../../packages/outbox/testing/outbox-workload.ts';

async function setup(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  t.after(() => pool.end());
  const env = { DATABASE_URL: url, KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic };
  return { url, pool, env, brokers, topic };
}

/** Measurements come every two seconds, and machines are slow now and then. */
const PATIENCE = { intervalMs: 100 };

async function pageOf(app: { urls: { admin: string } }, path: string): Promise<string> {
  return await (await fetch(app.urls.admin + path)).text();
}

test('a backlog is measured by partition while nobody publishes, and is gone when it is published', async (t) => {
  const { pool, env } = await setup(t);
  const orderIds = await createHotOrders(pool, 30);
  const first = await startApp(t, 'relay', env);
  await eventually(
    async () => assert.equal(await metricOf(first, 'outbox_relay_partitions_owned'), 12),
    PATIENCE,
  );
  first.kill();
  await first.exited;
  for (const orderId of orderIds) await changeOrder(pool, orderId);

  const holding = await startApp(t, 'relay', { ...env, KAFKA_BROKERS: 'none' });
  await eventually(async () => assert.equal(await metricOf(holding, 'outbox_pending_events'), 30), PATIENCE);
  const metrics = await pageOf(holding, '/metrics');
  const byPartition = [...metrics.matchAll(/^outbox_partition_pending_events\{.*\} (\d+)$/gm)];
  assert.equal(byPartition.length, 12);
  assert.equal(
    byPartition.reduce((sum, match) => sum + Number(match[1]), 0),
    30,
  );
  assert.ok((await metricOf(holding, 'outbox_oldest_pending_age_seconds')) > 0);
  assert.equal(await metricOf(holding, 'outbox_partitions_unowned'), 12);
  await eventually(
    async () => assert.match(await pageOf(holding, '/status'), /partitions without an owner: 0, 1, 2/),
    PATIENCE,
  );

  const publishing = await startApp(t, 'relay', env);
  await eventually(async () => {
    assert.equal(await metricOf(holding, 'outbox_pending_events'), 0);
    assert.equal(await metricOf(holding, 'outbox_partitions_unowned'), 0);
  }, PATIENCE);
  assert.equal(await metricOf(publishing, 'outbox_relay_halted'), 0);
  assert.equal(await metricOf(publishing, 'outbox_listen_connected'), 1);
  assert.ok((await metricOf(publishing, 'outbox_publish_duration_seconds_count')) > 0);
  assert.equal(await metricOf(publishing, 'outbox_batch_events_sum'), 30);
});

test('a write transaction that stays open is told of with its holder', async (t) => {
  const { url, env } = await setup(t);
  const holder = new pg.Client({ connectionString: url, application_name: '<i>night shift</i>' });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT pg_current_xact_id()');
  const { rows } = await holder.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const relay = await startApp(t, 'relay', { ...env, RELAY_OLD_TRANSACTION_MS: '1000' });
  const warning = await eventually(() => {
    const line = relay.logs().find(({ msg }) => msg === 'a transaction that has written stays open');
    assert.ok(line);
    return line;
  }, PATIENCE);
  assert.ok((await metricOf(relay, 'outbox_oldest_write_transaction_age_seconds')) >= 1);
  const page = await pageOf(relay, '/status');
  await holder.query('ROLLBACK');
  await holder.end();

  // Other tests' transactions on the same server may be older for a moment.
  assert.equal(typeof warning['applicationName'], 'string');
  assert.match(page, /&lt;i&gt;night shift&lt;\/i&gt;/);
  assert.ok(page.includes(`<td class="number">${rows[0]!.pid}</td>`));
  assert.match(page, /open write transactions, oldest first/i);
});

test('the relay tells its checks and its settings, without secrets', async (t) => {
  const { env } = await setup(t);
  const relay = await startApp(t, 'relay', env);
  // A check that a busy machine does not answer in time counts as one that does not hold.
  const checks = await eventually(async () => {
    const answer = await fetch(`${relay.urls.admin}/readyz?verbose`);
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    return text;
  });
  assert.match(checks, /^ok database schema$/m);
  const config = JSON.parse(await pageOf(relay, '/config')) as Record<string, string>;
  assert.equal(config['DATABASE_URL'], '*** (env)');
  assert.equal(config['KAFKA_TOPIC'], `${env.KAFKA_TOPIC} (env)`);
  assert.equal(config['RELAY_LEASE_MS'], '3000 (default)');
  assert.match(await pageOf(relay, '/'), /href="\/status"/);
});

test('canaries try the way through every partition, and are told apart from events', async (t) => {
  const { pool, env, brokers, topic } = await setup(t);
  const relay = await startApp(t, 'relay', { ...env, RELAY_CANARY_INTERVAL_MS: '50' });
  await eventually(async () => {
    assert.ok((await metricOf(relay, 'outbox_canary_seconds_count')) >= 12);
  }, PATIENCE);
  assert.ok((await metricOf(relay, 'outbox_canary_last_seconds')) > 0);
  assert.match(await pageOf(relay, '/status'), /<dt>canary<\/dt>/);
  // No canary may be on its way while the topic is compared with the outbox.
  relay.kill();
  await relay.exited;

  const records: LogRecord[] = [];
  const reader = createLogReader({ brokers, clientId: 'test', topic });
  await reader.read(await reader.offsets('earliest'), await reader.offsets('latest'), (batch) => {
    records.push(...batch.records);
  });
  reader.close();
  assert.equal(new Set(records.map(({ partition }) => partition)).size, 12);
  for (const { headers } of records) assert.equal(String(headers['ce_type']), CANARY_EVENT_TYPE);
  const { rows } = await pool.query<{ event_type: string }>('SELECT DISTINCT event_type FROM outbox');
  assert.deepEqual(rows, [{ event_type: CANARY_EVENT_TYPE }]);
});
