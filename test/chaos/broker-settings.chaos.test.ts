import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import { changeOrder, createHotOrders } from '../../packages/outbox/testing/outbox-workload.ts';
import { runOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import { createTestDatabase, eventually, startApp, startKafka } from '../harness/index.ts';
import { eventIdsOfTopic } from '../harness/outbox-events.ts';
import pg from 'pg';

const TOPIC = 'orders.events';

for (const [what, settings] of [
  [
    'a log of transactions that wants more brokers than there are',
    { 'transaction.state.log.replication.factor': '3' },
  ],
  ['transactions of less than a second', { 'transaction.max.timeout.ms': '500' }],
] as const) {
  test(`${what}: named once with its setting, everywhere`, async (t) => {
    const [setting = ''] = Object.keys(settings);
    const { relay, env } = await start(t, settings);
    await eventually(
      async () => {
        const { stdout } = await runOutboxctl(env, 'status');
        assert.ok(stdout.includes(`partitions cannot be taken over`) && stdout.includes(setting), stdout);
        const ready = await fetch(`${relay.urls.admin}/readyz`);
        assert.equal(ready.status, 503);
      },
      { patienceMs: 90_000 },
    );
    const page = await (await fetch(`${relay.urls.admin}/status`)).text();
    assert.ok(page.includes(setting));
    const lines = relay.logs().filter((line) => JSON.stringify(line).includes(setting));
    assert.ok(lines.length >= 1 && lines.length <= 15, `${lines.length} lines`);
  });
}

test('transactions of five seconds are enough', async (t) => {
  const { pool, brokers } = await start(t, { 'transaction.max.timeout.ms': '5000' });
  const [orderId = ''] = await createHotOrders(pool, 1);
  await changeOrder(pool, orderId);
  await eventually(async () => assert.equal((await eventIdsOfTopic(brokers, TOPIC)).length, 1));
});

async function start(t: Parameters<typeof startKafka>[0], settings: Readonly<Record<string, string>>) {
  const [{ brokers }, { url }] = await Promise.all([startKafka(t, { settings }), createTestDatabase(t)]);
  const topic = { topic: TOPIC, partitions: 12, replicationFactor: 1 };
  await ensureTopic({ brokers, clientId: 'test' }, topic);
  const pool = new pg.Pool({ connectionString: url });
  t.after(() => pool.end());
  const env = { DATABASE_URL: url, KAFKA_BROKERS: brokers.join(), KAFKA_TOPIC: TOPIC };
  return { relay: await startApp(t, 'relay', env), env, pool, brokers };
}
