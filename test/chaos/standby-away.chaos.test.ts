import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { startEmbeddedPgbouncer } from '../../tools/stack/index.ts';
import { createOrderClient, ORDER } from '../../apps/api/testing/order-client.ts';
import { eventually, startApp, startPostgres } from '../harness/index.ts';
import { migrateToLatest } from '@order-events/database';

const POOL_SIZE = 3;
/** One is for reads, whatever becomes of changes. */
const CONNECTIONS_OF_CHANGES = 2;

for (const throughPooler of [false, true]) {
  test(`while no synchronous standby answers, the API holds its sessions, refuses further changes soon and answers reads${throughPooler ? ', behind PgBouncer' : ''}`, (t) =>
    standbyAway(t, throughPooler));
}

async function standbyAway(t: TestContext, throughPooler: boolean): Promise<void> {
  const server = await startPostgres(t);
  await migrateToLatest(server.url);
  const observer = new pg.Client({ connectionString: server.url });
  observer.on('error', () => {});
  await observer.connect();
  t.after(() => observer.end());
  const setStandbys = async (names: string) => {
    await observer.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
    await observer.query('SELECT pg_reload_conf()');
  };
  const sessions = async (condition = 'true') => {
    const { rows } = await observer.query<{ count: string }>(
      `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'api' AND ${condition}`,
    );
    return Number(rows[0]?.count);
  };
  const api = await startApp(t, 'api', {
    API_DATABASE_POOL_SIZE: String(POOL_SIZE),
    API_DATABASE_WAIT_MS: '100',
    ...(await databaseEnv(t, server.url, throughPooler)),
  });
  const { send, place } = createOrderClient(api.urls.http);
  await place();

  await setStandbys('nobody');
  await eventually(async () => {
    const { rows } = await observer.query('SHOW synchronous_standby_names');
    assert.equal(rows[0]?.synchronous_standby_names, 'nobody');
  });
  const waiting = Array.from({ length: POOL_SIZE }, () => send('POST', '/orders', ORDER));
  assert.deepEqual(
    (await Promise.all(waiting)).map(({ status }) => status),
    [503, 503, 503],
  );
  // For longer than a client waits for an answer, and than a look at the server's sessions takes to come round.
  const untilMs = performance.now() + 15_000;
  while (performance.now() < untilMs) {
    const startedMs = performance.now();
    const refused = await send('POST', '/orders', ORDER);
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1']);
    assert.ok(performance.now() - startedMs < 1_000, 'refused soon');
    assert.equal((await send('GET', '/orders')).status, 200);
    // One more than the pool has is for readiness.
    const held = await sessions();
    assert.ok(held <= POOL_SIZE + 1, `${held} sessions`);
  }
  assert.equal(await sessions(`wait_event = 'SyncRep'`), CONNECTIONS_OF_CHANGES);
  assert.equal((await fetch(`${api.urls.admin}/readyz`)).status, 200);

  await setStandbys('');
  await eventually(place);
  await eventually(async () => assert.equal((await fetch(`${api.urls.admin}/readyz`)).status, 200));
  assert.equal(await sessions(`wait_event = 'SyncRep'`), 0);
  const { rows } = await observer.query<{ orders: string; events: string }>(
    'SELECT (SELECT count(*) FROM orders) AS orders, (SELECT count(DISTINCT key) FROM outbox) AS events',
  );
  assert.equal(rows[0]?.orders, rows[0]?.events);
}

async function databaseEnv(t: TestContext, url: string, throughPooler: boolean) {
  if (!throughPooler) return { DATABASE_URL: url };
  const pgbouncer = await startEmbeddedPgbouncer(url, { serverConnections: POOL_SIZE });
  t.after(() => pgbouncer.stop());
  return { DATABASE_URL: pgbouncer.url, DATABASE_DIRECT_URL: url };
}
