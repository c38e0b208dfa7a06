import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createLogReader, keyHash, type LogRecord } from '@order-events/messaging';
import pg from 'pg';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../../../test/harness/index.ts';
import { changeOrder, createHotOrders } from '../../../packages/outbox/testing/outbox-workload.ts';

async function setup(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  t.after(() => pool.end());
  const env = { DATABASE_URL: url, KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic };
  return { pool, env, readTopic: () => readTopic(brokers, topic) };
}

/** Every record of the topic; keys and values as text. */
async function readTopic(brokers: string[], topic: string) {
  const reader = createLogReader({ brokers, clientId: 'test', topic });
  const records: { partition: number; key: string; value: string; headers: LogRecord['headers'] }[] = [];
  try {
    await reader.read(await reader.offsets('earliest'), await reader.offsets('latest'), (batch) => {
      for (const { partition, key, value, headers } of batch.records) {
        records.push({ partition, key: String(key), value: String(value), headers: { ...headers } });
      }
    });
  } finally {
    reader.close();
  }
  return records;
}

test('committed events reach the topic once, unchanged, in the partition that every Kafka client would choose', async (t) => {
  const { pool, env, readTopic } = await setup(t);
  await startApp(t, 'relay', env);
  const orderIds = await createHotOrders(pool, 20);
  for (let version = 1; version <= 5; version++) {
    for (const orderId of orderIds) await changeOrder(pool, orderId);
  }
  const records = await eventually(async () => {
    const found = await readTopic();
    assert.equal(found.length, 100);
    return found;
  });
  for (const orderId of orderIds) {
    const own = records.filter((record) => record.key === orderId);
    assert.deepEqual(
      own.map((record) => record.value),
      [1, 2, 3, 4, 5].map((version) => JSON.stringify({ order_id: orderId, version })),
    );
    for (const { partition } of own) assert.equal(partition, keyHash(orderId) % 12);
  }
  const { rows } = await pool.query<{ event_id: string }>('SELECT event_id FROM outbox');
  const idsInTopic = records.map((record) => String(record.headers['ce_id']));
  assert.deepEqual(idsInTopic.sort(), rows.map((row) => row.event_id).sort());
});

test('two relays share the partitions, and the second goes on where the first was stopped', async (t) => {
  const { pool, env, readTopic } = await setup(t);
  const orderIds = await createHotOrders(pool, 20);
  const changeAll = () => Promise.all(orderIds.map((orderId) => changeOrder(pool, orderId)));
  const shares = async () => {
    const { rows } = await pool.query<{ partitions: bigint }>(
      'SELECT count(*) AS partitions FROM relay_partition WHERE owner IS NOT NULL GROUP BY owner',
    );
    return rows.map((row) => Number(row.partitions));
  };
  const first = await startApp(t, 'relay', env);
  await changeAll();
  await eventually(async () => assert.equal((await readTopic()).length, 20));
  assert.deepEqual(await shares(), [12]);

  await startApp(t, 'relay', env);
  await eventually(async () => assert.deepEqual(await shares(), [6, 6]));
  await changeAll();
  await eventually(async () => assert.equal((await readTopic()).length, 40));

  first.kill('SIGTERM');
  assert.deepEqual(await first.exited, { code: 0, signal: null });
  await eventually(async () => assert.deepEqual(await shares(), [12]));
  await changeAll();
  const records = await eventually(async () => {
    const found = await readTopic();
    assert.ok(found.length >= 60);
    return found;
  });
  for (const orderId of orderIds) {
    assert.deepEqual(
      records.filter((record) => record.key === orderId).map((record) => record.value),
      [1, 2, 3].map((version) => JSON.stringify({ order_id: orderId, version })),
    );
  }
});

test('a backlog larger than a page is published whole and in order', async (t) => {
  const { pool, env, readTopic } = await setup(t);
  const orderIds = await createHotOrders(pool, 50);
  await pool.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
     SELECT order_id, hash, gen_random_uuid(), 'order.updated', json_build_object('order_id', order_id, 'version', version)
     FROM generate_series(1, 400) AS version CROSS JOIN unnest($1::text[], $2::int[]) AS orders (order_id, hash) ORDER BY version`,
    [orderIds, orderIds.map(keyHash)],
  );
  await startApp(t, 'relay', env);
  const records = await eventually(
    async () => {
      const found = await readTopic();
      assert.equal(found.length, 20_000);
      return found;
    },
    { intervalMs: 250 },
  );
  const newest = new Map<string, number>();
  for (const { key, value } of records) {
    const { version } = JSON.parse(value) as { version: number };
    assert.equal(version, (newest.get(key) ?? 0) + 1);
    newest.set(key, version);
  }
});

test('a topic with another number of partitions halts the relay with an instruction', async (t) => {
  const { pool, env, readTopic } = await setup(t);
  await pool.query(`INSERT INTO relay_partition (partition, cursor) SELECT generate_series(0, 15), '3:3:'`);
  const [orderId = ''] = await createHotOrders(pool, 1);
  await changeOrder(pool, orderId);
  const relay = await startApp(t, 'relay', env);
  const halt = await eventually(() => {
    const line = relay.logs().find(({ level }) => level === 'error');
    assert.ok(line);
    return line;
  });
  assert.match(String(halt.msg), /halted.*outboxctl resize/);
  assert.equal((await fetch(`${relay.urls.admin}/readyz`)).status, 503);
  assert.deepEqual(await readTopic(), []);
});

test('cursors of another database server halt a running relay, and publishing goes on once they fit', async (t) => {
  const { pool, env, readTopic } = await setup(t);
  const [orderId = ''] = await createHotOrders(pool, 1);
  const relay = await startApp(t, 'relay', env);
  await changeOrder(pool, orderId);
  await eventually(async () => assert.equal((await readTopic()).length, 1));

  await pool.query(`UPDATE relay_identity SET system_identifier = 'x' || system_identifier`);
  const ready = () => fetch(`${relay.urls.admin}/readyz`).then((response) => response.status);
  await eventually(async () => assert.equal(await ready(), 503));
  const halt = relay.logs().find(({ level }) => level === 'error');
  assert.match(String(halt?.msg), /another database server.*outboxctl rebase/);
  await changeOrder(pool, orderId);

  await pool.query(`UPDATE relay_identity SET system_identifier = substr(system_identifier, 2)`);
  await eventually(async () => assert.equal((await readTopic()).length, 2));
  assert.equal(await ready(), 200);
});

test('a cursor ahead of the database halts the relay with an instruction', async (t) => {
  const { pool, env, readTopic } = await setup(t);
  await pool.query(
    `INSERT INTO relay_partition (partition, cursor) SELECT generate_series(0, 11), '999999999:999999999:'`,
  );
  const [orderId = ''] = await createHotOrders(pool, 1);
  await changeOrder(pool, orderId);
  const relay = await startApp(t, 'relay', env);
  await eventually(() =>
    assert.ok(
      relay.logs().some(({ level, msg }) => level === 'error' && /outboxctl rebase/.test(String(msg))),
    ),
  );
  assert.deepEqual(await readTopic(), []);
});

test('without brokers everything is held and counted', async (t) => {
  const { pool, env, readTopic } = await setup(t);
  const [orderId = ''] = await createHotOrders(pool, 1);
  await changeOrder(pool, orderId);
  const relay = await startApp(t, 'relay', { ...env, KAFKA_BROKERS: 'none' });
  await eventually(async () => {
    const metrics = await (await fetch(`${relay.urls.admin}/metrics`)).text();
    assert.match(metrics, /^outbox_pending_events\{[^}]*\} 1$/m);
  });
  assert.equal((await fetch(`${relay.urls.admin}/readyz`)).status, 200);
  assert.deepEqual(await readTopic(), []);
});
