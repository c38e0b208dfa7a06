import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { migrateToLatest } from '@order-events/database';
import pg from 'pg';
import { createOrderClient } from '../../apps/api/testing/order-client.ts';
import { runOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import { createTestTopic, eventually, startApp, startPostgres } from '../harness/index.ts';
import { appEnv } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

/** Long enough for a hand-over by its end to be told from one that was asked for. */
const LEASE_MS = 60_000;

test('while Postgres has no room for notifications, orders, operators and hand-over go on', async (t) => {
  const { url } = await startPostgres(t, { settings: { max_notify_queue_pages: '64' } });
  await migrateToLatest(url);
  const { brokers, topic } = await createTestTopic(t);
  const env = appEnv({ databaseUrl: url, brokers, topic });
  const relayEnv = { ...env.relay, RELAY_LEASE_MS: String(LEASE_MS) };
  const api = await startApp(t, 'api', env.api);
  const first = await startApp(t, 'relay', relayEnv);
  const { place, move } = createOrderClient(api.urls.http);
  await place();
  await assertTopicHoldsAll({ databaseUrl: url, brokers, topic });
  await fillNotificationQueue(t, url);

  const orderId = await place();
  await assertTopicHoldsAll({ databaseUrl: url, brokers, topic });
  for (const command of [['pause'], ['resume'], ['replay', '--since', '1h', '--yes'], ['status']]) {
    const { code, stdout, stderr } = await runOutboxctl(relayEnv, ...command);
    assert.equal(code, 0, `${command.join(' ')}: ${stdout} ${stderr}`);
  }

  await startApp(t, 'relay', relayEnv);
  first.kill('SIGTERM');
  assert.deepEqual(await first.exited, { code: 0, signal: null });
  await move(orderId, 'confirmed', 'cancelled');
  await eventually(
    async () => {
      const { code, stdout } = await runOutboxctl(relayEnv, 'verify', '--json');
      assert.deepEqual([code, JSON.parse(stdout).pending, JSON.parse(stdout).published], [0, 0, 4], stdout);
    },
    { deadlineMs: LEASE_MS / 2 },
  );
});

/** One session that listens and stays in a transaction keeps everything that comes after. */
async function fillNotificationQueue(t: TestContext, url: string): Promise<void> {
  const connect = async () => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    t.after(() => client.end());
    return client;
  };
  const [listener, notifier] = [await connect(), await connect()];
  await listener.query('LISTEN noise');
  await listener.query('BEGIN');
  await assert.rejects(async () => {
    for (let page = 0; page < 200; page++) {
      await notifier.query(`SELECT pg_notify('noise', $1)`, [String(page).padEnd(7_900)]);
    }
  }, /too many notifications/);
}
