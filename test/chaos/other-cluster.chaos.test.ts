import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import pg from 'pg';
import { runOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import { changeOrder, createHotOrders } from '../../packages/outbox/testing/outbox-workload.ts';
import { createTestDatabase, eventually, startApp, startKafka } from '../harness/index.ts';
import { eventIdsOfTopic } from '../harness/outbox-events.ts';

const TOPIC = 'orders.events';

test('a relay that meets another cluster at the same address writes nothing there, until an operator says so', async (t) => {
  const [first, { url }] = await Promise.all([startKafka(t), createTestDatabase(t)]);
  const { brokers, port } = first;
  const topic = { topic: TOPIC, partitions: 3, replicationFactor: 1 };
  await ensureTopic({ brokers, clientId: 'test' }, topic);
  const pool = new pg.Pool({ connectionString: url });
  t.after(() => pool.end());
  const env = { DATABASE_URL: url, KAFKA_BROKERS: brokers.join(), KAFKA_TOPIC: TOPIC };
  const relay = await startApp(t, 'relay', env);
  const orderIds = await createHotOrders(pool, 12);
  for (const orderId of orderIds) await changeOrder(pool, orderId);
  await eventually(async () => assert.equal((await eventIdsOfTopic(brokers, TOPIC)).length, 12));

  await first.kill();
  await startKafka(t, { port, clusterId: randomBytes(16).toString('base64url') });
  await ensureTopic({ brokers, clientId: 'test' }, topic);
  for (const orderId of orderIds) await changeOrder(pool, orderId);
  await eventually(async () => {
    assert.match((await runOutboxctl(env, 'status')).stdout, /belong to another Kafka cluster/);
    assert.equal((await fetch(`${relay.urls.admin}/readyz`)).status, 503);
  });
  assert.deepEqual(await eventIdsOfTopic(brokers, TOPIC), []);

  const { code, stderr } = await runOutboxctl(env, 'rebase', '--yes');
  assert.equal(code, 0, stderr);
  await eventually(async () => assert.equal((await eventIdsOfTopic(brokers, TOPIC)).length, 24));
});
