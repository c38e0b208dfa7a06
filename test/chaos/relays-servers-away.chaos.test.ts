import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateToLatest } from '@order-events/database';
import { ensureTopic } from '@order-events/messaging';
import pg from 'pg';
import { changeOrder, createHotOrders } from '../../packages/outbox/testing/outbox-workload.ts';
import { eventually, startApp, startKafka, startPostgres } from '../harness/index.ts';
import { assertOutboxPublished } from '../harness/record-audit.ts';

const TOPIC = 'orders.events';
const PARTITIONS = 12;
const ORDERS = 24;

test('partitions are handed over while Kafka is away and while PostgreSQL restarts, and nothing is lost or doubled', async (t) => {
  const [postgres, kafka] = await Promise.all([startPostgres(t), startKafka(t)]);
  await migrateToLatest(postgres.url);
  const { brokers } = kafka;
  await ensureTopic(
    { brokers, clientId: 'test' },
    { topic: TOPIC, partitions: PARTITIONS, replicationFactor: 1 },
  );
  const pool = new pg.Pool({ connectionString: postgres.url, max: 4 });
  pool.on('error', () => {});
  t.after(() => pool.end());
  const orderIds = await createHotOrders(pool, ORDERS);
  const env = {
    DATABASE_URL: postgres.url,
    KAFKA_BROKERS: brokers.join(','),
    RELAY_LEASE_MS: '2000',
    RELAY_PRODUCE_TIMEOUT_MS: '700',
  };
  const changeAll = async () => {
    for (const orderId of orderIds) await changeOrder(pool, orderId);
  };
  const owners = async () => {
    const { rows } = await pool.query<{ owner: string; partitions: number }>(
      `SELECT owner, count(*)::int AS partitions FROM relay_partition WHERE lease_until > clock_timestamp() GROUP BY owner`,
    );
    return new Map(rows.map((row) => [row.owner, row.partitions]));
  };
  const allOwnedBy = (relays: number) =>
    eventually(async () => {
      const counts = [...(await owners()).values()];
      assert.equal(counts.length, relays);
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        PARTITIONS,
      );
    });
  const system = { databaseUrl: postgres.url, brokers, topic: TOPIC };

  const first = await startApp(t, 'relay', env);
  await allOwnedBy(1);
  await changeAll();
  await assertOutboxPublished(system);

  await kafka.stop();
  await changeAll();
  // A relay that comes while Kafka is away has not seen the topic; one that knows it hands over all the same.
  const second = await startApp(t, 'relay', env);
  first.kill('SIGTERM');
  assert.deepEqual(await first.exited, { code: 0, signal: null });
  await changeAll();
  await kafka.start();
  await allOwnedBy(1);
  await assertOutboxPublished(system);

  const third = await startApp(t, 'relay', env);
  await allOwnedBy(2);
  await changeAll();
  const restarted = postgres.restart();
  second.kill('SIGTERM');
  await restarted;
  assert.deepEqual(await second.exited, { code: 0, signal: null });
  await eventually(changeAll);
  await allOwnedBy(1);
  await assertOutboxPublished(system);
  third.kill('SIGTERM');
  assert.deepEqual(await third.exited, { code: 0, signal: null });
  await assertOutboxPublished(system);
});
