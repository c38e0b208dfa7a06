import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import {
  type FollowedItem,
  OrderStatus,
  viewOrders,
  type ViewOrdersOptions,
} from '@order-events/order-stream';
import pg from 'pg';
import { type AppProcess, findFreePort } from '../../tools/stack/index.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { keepChanging } from '../harness/keep-changing.ts';
import { appEnv } from '../harness/order-apps.ts';
import { TEST_CLIENT } from '../harness/test-access.ts';
import { deleteRecords, offsetRange } from '../harness/topic-admin.ts';

/** FOLLOWED_ORDERS=100000 is the size of a real list. */
const ORDERS = Number(process.env['FOLLOWED_ORDERS'] ?? 300);
const PATIENCE = { patienceMs: 120_000 + ORDERS * 5 };
const FILTER = { statuses: [OrderStatus.PENDING, OrderStatus.CONFIRMED] };

async function startSystem(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const topic = await createTestTopic(t);
  const env = appEnv({
    databaseUrl: url,
    ...topic,
    envOf: {
      api: { API_PORT: String(await findFreePort()) },
      'stream-gateway': { GATEWAY_PORT: String(await findFreePort()) },
    },
  });
  const start = (name: 'api' | 'relay' | 'stream-gateway') => startApp(t, name, env[name]);
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  t.after(() => pool.end());
  const [api, gateway] = await Promise.all([start('api'), start('stream-gateway'), start('relay')]);
  const kill = async (app: AppProcess) => {
    app.kill('SIGKILL');
    await app.exited;
  };
  return { topic, pool, start, kill, api, gateway };
}

type System = Awaited<ReturnType<typeof startSystem>>;

const changing = ({ pool, api }: System) => keepChanging({ pool, apiUrl: api.urls.http });

/** A view whose items are held against what was told before: versions only grow, and who leaves was there. */
function watchedView(t: TestContext, options: ViewOrdersOptions) {
  const told = new Map(options.resume?.orders.map(({ orderId, orderVersion }) => [orderId, orderVersion]));
  const present = new Set(told.keys());
  const faults: string[] = [];
  const kinds: string[] = [];
  let checkpoint = '';
  const view = viewOrders(options, (item: FollowedItem) => {
    ({ checkpoint } = item);
    if (item.kind !== 'order' && item.kind !== 'left') return void kinds.push(item.kind);
    const { orderId, orderVersion } = item;
    const before = told.get(orderId) ?? 0n;
    const isGone = item.kind === 'left' && item.order === undefined;
    if (orderVersion <= before && !isGone) faults.push(`${orderId}: ${orderVersion} after ${before}`);
    if (item.kind === 'left' && !present.delete(orderId)) faults.push(`${orderId} left and was not there`);
    if (item.kind === 'order') present.add(orderId);
    told.set(orderId, orderVersion);
  });
  t.after(() => view.close());
  return { view, kinds, faults, checkpoint: () => checkpoint };
}

async function assertSame({ view, faults }: ReturnType<typeof watchedView>, { pool }: System): Promise<void> {
  const { rows } = await pool.query<{ id: string; version: number }>(
    `SELECT id, version FROM orders WHERE status IN ('pending', 'confirmed') ORDER BY id`,
  );
  const shown = [...view.orders.values()].map(({ orderId, orderVersion }) => `${orderId} ${orderVersion}`);
  const [expected, found] = [new Set(rows.map(({ id, version }) => `${id} ${version}`)), new Set(shown)];
  assert.deepEqual([...expected.difference(found)].slice(0, 5), [], 'in the table, and not in the view');
  assert.deepEqual([...found.difference(expected)].slice(0, 5), [], 'in the view, and not in the table');
  assert.ok(view.isComplete(), 'it is not complete');
  assert.deepEqual(faults, []);
}

test('a view becomes the table and stays it: while the list is read, over a killed API and gateway, a log that lost the place, and a restart', async (t) => {
  const system = await startSystem(t);
  const { api, gateway, pool, topic, start, kill } = system;
  await pool.query(
    `INSERT INTO orders SELECT gen_random_uuid(), 'c-' || number % 7, CASE WHEN number % 5 = 0 THEN 'shipped' ELSE 'pending' END, 1, 'EUR',
      '[{"sku": "tea", "quantity": 1, "unit_price_minor": 450}]', 450, now() - number * interval '1 second', now()
    FROM generate_series(1, $1::int) AS number`,
    [ORDERS],
  );
  const options = {
    ...{
      api: api.urls.http,
      address: gateway.urls.grpc,
      filter: FILTER,
      maxRetryDelayMs: 500,
      ...TEST_CLIENT,
    },
    pageSize: ORDERS > 1_000 ? 500 : 20,
  };
  let load = changing(system);
  const startedMs = performance.now();
  const first = watchedView(t, options);
  await eventually(() => assert.ok(first.view.orders.size > 20), PATIENCE);
  await kill(api);
  await start('api');
  await first.view.complete;
  t.diagnostic(
    `${ORDERS} orders and those placed meanwhile: complete after ${Math.round(performance.now() - startedMs)} ms`,
  );
  await kill(gateway);
  const second = await start('stream-gateway');
  await load.stop();
  await eventually(() => assertSame(first, system), PATIENCE);
  assert.ok(load.changes() > 20, `${load.changes()} changes`);

  await kill(second);
  load = changing(system);
  await eventually(() => assert.ok(load.changes() > 20), PATIENCE);
  await load.stop();
  const { rows } = await pool.query<{ id: string }>(
    `DELETE FROM orders WHERE id = (SELECT id FROM orders WHERE status = 'pending' LIMIT 1) RETURNING id`,
  );
  await eventually(async () => {
    const { rows: counted } = await pool.query<{ count: string }>('SELECT count(*) FROM outbox');
    const { latest } = await offsetRange(topic);
    assert.ok(latest.reduce((sum, end) => sum + end, 0n) >= BigInt(counted[0]!.count));
  }, PATIENCE);
  const { latest } = await offsetRange(topic);
  await deleteRecords(topic, new Map(latest.entries()));
  await start('stream-gateway');
  await eventually(() => assertSame(first, system), PATIENCE);
  assert.equal(first.view.orders.has(rows[0]!.id), false);
  assert.equal(first.kinds.filter((kind) => kind === 'listing').length, 2, 'it has listed again');

  await first.view.close();
  const resume = { checkpoint: first.checkpoint(), orders: [...first.view.orders.values()] };
  load = changing(system);
  await eventually(() => assert.ok(load.changes() > 5), PATIENCE);
  await load.stop();
  const restarted = watchedView(t, { ...options, resume });
  await eventually(() => assertSame(restarted, system), PATIENCE);
  assert.ok(!restarted.kinds.includes('listing'), 'it goes on without a list');
});
