import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { startEmbeddedPgbouncer } from '../../tools/stack/index.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { startLoad } from '../harness/load.ts';
import { appEnv } from '../harness/order-apps.ts';
import { TEST_HEADERS } from '../harness/test-access.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

/** Fewer than the apps' pools have connections, so that sessions are really shared. */
const SERVER_CONNECTIONS = 5;

test('everything works through PgBouncer in transaction mode: orders, leases, hand-over, and its own restart', async (t) => {
  const { url: directUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const pgbouncer = await startEmbeddedPgbouncer(directUrl, { serverConnections: SERVER_CONNECTIONS });
  t.after(() => pgbouncer.stop());
  const env = appEnv({
    databaseUrl: pgbouncer.url,
    brokers,
    topic,
    env: { DATABASE_DIRECT_URL: directUrl },
  });
  const api = await startApp(t, 'api', env.api);
  const first = await startApp(t, 'relay', env.relay);
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 16, changesPerSecond: 200 });
  const goesOn = async () => {
    const before = load.accepted.length;
    await eventually(() => assert.ok(load.accepted.length > before + 200));
  };
  await goesOn();
  assert.deepEqual(await directConnections(directUrl), ['wake-up listener', 'wake-up notifier']);

  const second = await startApp(t, 'relay', env.relay);
  first.kill('SIGKILL');
  await goesOn();
  assert.deepEqual(load.failures, []);
  assert.deepEqual([await placeOnce(api.urls.http), await placeOnce(api.urls.http)], [null, 'true']);

  await pgbouncer.stop();
  await eventually(() => assert.ok(load.failures.length > 0));
  await pgbouncer.start();
  await goesOn();
  await load.stop();

  // Whoever waited in vain for a connection cannot tell a pooler that is away from one that is busy.
  for (const failure of load.failures) assert.match(failure, /: 503 .*(service_unavailable|overloaded)/);
  const events = await assertTopicHoldsAll({ databaseUrl: directUrl, brokers, topic });
  for (const app of [api, second]) assert.ok((await fetch(`${app.urls.admin}/readyz`)).ok);
  t.diagnostic(`${events} events through ${SERVER_CONNECTIONS} connections`);
});

/** Places an order with one and the same key; answers whether it had been placed before. */
async function placeOnce(apiUrl: string): Promise<string | null> {
  const items = [{ sku: 'tea', quantity: 1, unit_price_minor: 450 }];
  const response = await fetch(`${apiUrl}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'place-once', ...TEST_HEADERS },
    body: JSON.stringify({ customer_id: 'c-1', currency: 'EUR', items }),
  });
  assert.equal(response.status, 201);
  return response.headers.get('idempotency-replayed');
}

/** Who is connected past the pooler. */
async function directConnections(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'test' });
  await client.connect();
  try {
    const { rows } = await client.query<{ application_name: string }>(
      `SELECT DISTINCT application_name FROM pg_stat_activity
       WHERE datname = current_database() AND application_name LIKE 'wake-up%' ORDER BY application_name`,
    );
    return rows.map((row) => row.application_name);
  } finally {
    await client.end();
  }
}
