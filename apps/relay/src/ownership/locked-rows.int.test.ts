import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createLogReader, keyHash } from '@order-events/messaging';
import pg from 'pg';
import { metricOf } from '../../../../test/harness/app-metric.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../../../../test/harness/index.ts';
import { changeOrder, createHotOrders } from '../../../../packages/outbox/testing/outbox-workload.ts';

const PARTITIONS = 12;
/** The relay's default, twice: whatever could not be renewed has run out. */
const TWO_LEASES_MS = 6500;

async function setup(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t, { partitions: PARTITIONS });
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  t.after(() => pool.end());
  const env = { DATABASE_URL: url, KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic };
  const orderIds = await createHotOrders(pool, 60);
  const relay = await startApp(t, 'relay', env);
  await eventually(async () => {
    assert.equal(await metricOf(relay, 'outbox_relay_partitions_owned'), PARTITIONS);
  });
  const reader = createLogReader({ brokers, clientId: 'test', topic });
  t.after(() => reader.close());
  const inTopic = async () => {
    const ends = await reader.offsets('latest');
    const versions = new Map<string, number[]>();
    await reader.read(await reader.offsets('earliest'), ends, ({ records }) => {
      for (const { key, value } of records) {
        const { version } = JSON.parse(String(value)) as { version: number };
        versions.set(String(key), [...(versions.get(String(key)) ?? []), version]);
      }
    });
    return versions;
  };
  const status = async () => await (await fetch(`${relay.urls.admin}/status`)).text();
  return { url, pool, relay, orderIds, inTopic, status };
}

/** A session of somebody who locks something and goes to lunch; `end` ends the transaction. */
async function lockUntilEnd(t: TestContext, url: string, statement: string) {
  const client = new pg.Client({ connectionString: url, application_name: 'somebody at lunch' });
  await client.connect();
  t.after(() => client.end());
  await client.query('BEGIN');
  await client.query(statement);
  return { client, end: () => client.query('ROLLBACK') };
}

const inPartition = (orderIds: readonly string[], partition: number) =>
  orderIds.filter((orderId) => keyHash(orderId) % PARTITIONS === partition);

test('a locked row holds up its partition alone, is told with its holder, and goes on by itself', async (t) => {
  const { url, pool, orderIds, inTopic, status } = await setup(t);
  const lock = await lockUntilEnd(t, url, 'SELECT FROM relay_partition WHERE partition = 0 FOR UPDATE');
  await pause(TWO_LEASES_MS);
  for (const orderId of orderIds) await changeOrder(pool, orderId);
  const waiting = inPartition(orderIds, 0);
  assert.ok(waiting.length > 0);
  await eventually(async () => {
    const found = await inTopic();
    assert.equal(found.size, orderIds.length - waiting.length);
    for (const orderId of waiting) assert.equal(found.has(orderId), false);
  });
  await eventually(async () => {
    const page = await status();
    assert.match(page, /row of partition 0 is locked/);
    assert.match(page, /somebody at lunch.*pg_terminate_backend\(\d+\)/s);
  });
  const { rows } = await pool.query<{ leases: number }>(
    'SELECT count(*)::int AS leases FROM relay_partition WHERE lease_until >= clock_timestamp()',
  );
  assert.equal(rows[0]?.leases, PARTITIONS - 1, 'what could not be renewed is free when the lock is gone');

  await lock.end();
  await eventually(async () => {
    const found = await inTopic();
    assert.deepEqual(new Set(found.keys()), new Set(orderIds));
    for (const versions of found.values()) assert.deepEqual(versions, [1]);
  });
  await eventually(async () => assert.doesNotMatch(await status(), /is locked|at lunch/));
});

test('nobody is held up by a lock on the heartbeats, on what is parked, on replays, or on the identity', async (t) => {
  const { url, pool, orderIds, inTopic } = await setup(t);
  // An owner that begins looks first at what is parked; those that are at work have done so.
  for (const orderId of orderIds) await changeOrder(pool, orderId);
  await eventually(async () => assert.equal((await inTopic()).size, orderIds.length));
  await lockUntilEnd(t, url, 'SELECT FROM relay_instance FOR UPDATE');
  await lockUntilEnd(t, url, 'SELECT FROM relay_identity FOR UPDATE');
  for (const table of ['parked_event', 'replay_request', 'replay_partition', 'relay_report']) {
    await lockUntilEnd(t, url, `LOCK TABLE ${table}`);
  }
  await pause(TWO_LEASES_MS);
  for (const _round of [2, 3, 4]) {
    for (const orderId of orderIds) await changeOrder(pool, orderId);
    await pause(1000);
  }
  await eventually(async () => {
    const found = await inTopic();
    assert.equal(found.size, orderIds.length);
    for (const versions of found.values()) assert.deepEqual(versions, [1, 2, 3, 4]);
  });
});

test('a change of the table that waits behind a reader holds up everything, and both are told', async (t) => {
  const { url, pool, orderIds, inTopic, status } = await setup(t);
  const reading = await lockUntilEnd(t, url, 'SELECT FROM relay_partition');
  const altering = new pg.Client({ connectionString: url, application_name: 'a migration' });
  await altering.connect();
  t.after(() => altering.end());
  await altering.query('BEGIN');
  const altered = altering.query('ALTER TABLE relay_partition ADD COLUMN note text');
  await eventually(
    async () => {
      const page = await status();
      assert.match(page, /a migration/);
      assert.match(page, /somebody at lunch/);
      assert.match(page, /relay_partition/);
    },
    { intervalMs: 200 },
  );
  for (const orderId of orderIds) await changeOrder(pool, orderId);
  await reading.end();
  await altered;
  await altering.query('ROLLBACK');
  await eventually(async () => {
    const found = await inTopic();
    assert.equal(found.size, orderIds.length);
    for (const versions of found.values()) assert.deepEqual(versions, [1]);
  });
});

test('a relay that stops while a row is locked gives back the others', async (t) => {
  const { url, pool, relay } = await setup(t);
  await lockUntilEnd(t, url, 'SELECT FROM relay_partition WHERE partition = 3 FOR UPDATE');
  relay.kill('SIGTERM');
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
  const { rows } = await pool.query<{ partition: number }>(
    'SELECT partition FROM relay_partition WHERE owner IS NOT NULL',
  );
  assert.deepEqual(
    rows.map(({ partition }) => partition),
    [3],
  );
});
