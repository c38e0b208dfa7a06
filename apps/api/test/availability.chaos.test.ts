import assert from 'node:assert/strict';
import { Agent, get, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { migrateToLatest } from '@order-events/database';
import pg from 'pg';
import { eventually, startApp, startPostgres } from '../../../test/harness/index.ts';
import {
  createOrderClient,
  lockOrder,
  ORDER,
  startApi,
  storedEvents,
  type OrderClient,
} from '../testing/order-client.ts';

/** Places orders from several clients at once until it is stopped; answers with every status and the ids that were promised. */
function startLoad(client: OrderClient, clients = 8) {
  const load = { placed: [] as string[], statuses: new Set<number>(), unanswered: 0 };
  let stopped = false;
  const work = async () => {
    while (!stopped) {
      try {
        const answer = await client.send('POST', '/orders', ORDER);
        load.statuses.add(answer.status);
        if (answer.status === 201) load.placed.push(String(answer.body['order_id']));
        // Whoever is refused asks again a little later.
        else await pause(5);
      } catch {
        load.unanswered += 1;
        await pause(5);
      }
    }
  };
  const working = Promise.all(Array.from({ length: clients }, work));
  const stop = async () => {
    stopped = true;
    await working;
    return load;
  };
  return { load, stop };
}

async function isReady(adminUrl: string): Promise<boolean> {
  return (await fetch(`${adminUrl}/readyz`)).ok;
}

test('Postgres is restarted and killed under load: requests are refused meanwhile, and no promise is broken', async (t) => {
  const server = await startPostgres(t);
  await migrateToLatest(server.url);
  const api = await startApp(t, 'api', { DATABASE_URL: server.url });
  const { load, stop } = startLoad(createOrderClient(api.urls.http));
  const moreOrders = async () => {
    const before = load.placed.length;
    await eventually(() => assert.ok(load.placed.length > before + 50));
  };
  await moreOrders();
  await server.restart();
  await moreOrders();
  await server.kill();
  await server.restart();
  await moreOrders();
  const { placed, statuses, unanswered } = await stop();
  assert.deepEqual(statuses, new Set([201, 503]));
  assert.equal(unanswered, 0);

  const pool = new pg.Pool({ connectionString: server.url, max: 1 });
  // The server may be stopped before it has seen the end of the connection.
  pool.on('connect', (client) => client.on('error', () => {}));
  const { rows } = await pool.query<{ id: string }>('SELECT id FROM orders');
  const events = (await storedEvents(pool)).map((row) => row.key);
  await pool.end();
  const stored = new Set(rows.map((row) => row.id));
  assert.deepEqual(
    placed.filter((id) => !stored.has(id)),
    [],
  );
  assert.deepEqual(events.toSorted(), [...stored].toSorted(), 'one event for each order, and none without');
  assert.deepEqual(
    api.logs().filter((line) => line['level'] === 'error'),
    [],
  );
});

test('the API starts and answers while Postgres is away, and is ready when it is back', async (t) => {
  const server = await startPostgres(t);
  await migrateToLatest(server.url);
  await server.stop();
  const api = await startApp(t, 'api', { DATABASE_URL: server.url });
  const { send } = createOrderClient(api.urls.http);
  const refused = await send('POST', '/orders', ORDER);
  assert.deepEqual([refused.status, refused.body['code']], [503, 'service_unavailable']);
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.equal((await send('GET', '/orders')).status, 503);
  assert.equal((await send('POST', '/orders', {})).status, 400);
  assert.equal((await send('GET', '/openapi.json')).status, 200);
  assert.equal(await isReady(api.urls.admin), false);
  assert.equal((await fetch(`${api.urls.admin}/livez`)).status, 200);

  await server.restart();
  await eventually(async () => assert.ok(await isReady(api.urls.admin)));
  assert.equal((await send('POST', '/orders', ORDER)).status, 201);
});

test('the API refuses a schema that is too old, and says what to do', async (t) => {
  const server = await startPostgres(t);
  await assert.rejects(
    startApp(t, 'api', { DATABASE_URL: server.url }),
    /schema is too old: 0001_orders.*run the migrate job first/,
  );
});

test('a request in work is answered before the process ends, and its connection with it', async (t) => {
  const { api, databaseUrl, send, place } = await startApi(t);
  const orderId = await place();
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const idle = await new Promise<IncomingMessage>((resolve) =>
    get(`${api.urls.http}/orders/${orderId}`, { agent }, resolve),
  );
  const idleEnded = new Promise((resolve) => idle.resume().socket.once('close', resolve));

  const order = await lockOrder(t, databaseUrl, orderId);
  const slow = send('PUT', `/orders/${orderId}/status`, { status: 'confirmed' });
  await order.waited();
  api.kill('SIGTERM');
  await idleEnded;
  await assert.rejects(send('GET', '/orders'), 'no new connection is taken');
  await order.release();
  const answer = await slow;
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('connection'), 'close');
  assert.deepEqual(await api.exited, { code: 0, signal: null });
});

test('SIGTERM under load: the process ends with 0, and every order that is stored was answered', async (t) => {
  const { api, pool, send, place, move } = await startApi(t);
  const { load, stop } = startLoad({ send, place, move });
  await eventually(() => assert.ok(load.placed.length > 50));
  api.kill('SIGTERM');
  assert.deepEqual(await api.exited, { code: 0, signal: null });
  const { placed, statuses } = await stop();
  assert.deepEqual(statuses, new Set([201]));
  const { rows } = await pool.query<{ id: string }>('SELECT id FROM orders');
  assert.deepEqual(rows.map((row) => row.id).toSorted(), placed.toSorted());
});

test('a request that never ends is cut off, so that the process ends in time', async (t) => {
  const { api, databaseUrl, send, place } = await startApi(t, { API_STOP_DEADLINE_MS: '1000' });
  const orderId = await place();
  const order = await lockOrder(t, databaseUrl, orderId);
  const slow = assert.rejects(send('PUT', `/orders/${orderId}/status`, { status: 'confirmed' }));
  await order.waited();
  api.kill('SIGTERM');
  await slow;
  await api.exited;
  assert.ok(api.logs().some((line) => line['requests'] === 1 && line['level'] === 'warn'));
});
