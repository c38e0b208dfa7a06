import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import pg from 'pg';
import { createOrderClient } from '../../apps/api/testing/order-client.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../../test/harness/index.ts';
import { appEnv, startOrderApps } from '../../test/harness/order-apps.ts';
import { createTestFolder } from '../../test/harness/test-folder.ts';
import { findFreePort } from '../../tools/stack/index.ts';
import { type ShownEvent, startPython } from './testing/python-client.ts';

const PATIENCE = { patienceMs: 120_000 };
/** More than a page of the list. */
const ORDERS = 300;

interface Followed {
  readonly kind: 'order' | 'left' | 'complete' | 'listing';
  readonly order_id: string;
  readonly order_version: number;
}

async function startSystem(t: TestContext) {
  const { url: databaseUrl } = await createTestDatabase(t);
  const env = { GATEWAY_PORT: String(await findFreePort()) };
  const system = { databaseUrl, ...(await createTestTopic(t)), env };
  const { api, gateway } = await startOrderApps(t, system);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  t.after(() => pool.end());
  return {
    ...{ gateway, pool, address: gateway.urls.grpc, api: api.urls.http },
    client: createOrderClient(api.urls.http),
    startGateway: () => startApp(t, 'stream-gateway', appEnv(system)['stream-gateway']),
  };
}

/** The orders of a view, held against what was told before: versions only grow, and who leaves was there. */
function viewOf(told: readonly Followed[]): string[] {
  const versions = new Map<string, number>();
  const present = new Set<string>();
  for (const { kind, order_id: orderId, order_version: version } of told) {
    if (kind !== 'order' && kind !== 'left') continue;
    assert.ok(version > (versions.get(orderId) ?? 0), `${orderId}: ${version} is not newer`);
    versions.set(orderId, version);
    if (kind === 'order') present.add(orderId);
    else assert.ok(present.delete(orderId), `${orderId} left and was not there`);
  }
  return [...present].map((orderId) => `${orderId} ${versions.get(orderId)}`).toSorted();
}

test('a view in Python becomes the table and stays it, while orders change and over a killed gateway', async (t) => {
  const { gateway, pool, address, api, client, startGateway } = await startSystem(t);
  await pool.query(
    `INSERT INTO orders SELECT gen_random_uuid(), 'c-1', 'pending', 1, 'EUR',
      '[{"sku": "tea", "quantity": 1, "unit_price_minor": 450}]', 450, now() - number * interval '1 second', now()
    FROM generate_series(1, $1::int) AS number`,
    [ORDERS],
  );
  const { rows } = await pool.query<{ id: string }>('SELECT id FROM orders');
  const ids = rows.map(({ id }) => id);
  const change = async () => {
    await client.place();
    await client.move(ids.pop() ?? assert.fail(), 'confirmed');
    await client.move(ids.pop() ?? assert.fail(), 'confirmed', 'processing');
  };
  const view = await startPython<Followed>(t, 'follow.py', [address, api, 'pending', 'confirmed']);
  const has = (kind: Followed['kind']) => view.shown.some((told) => told.kind === kind);
  await eventually(async () => {
    await change();
    assert.ok(has('complete'));
  }, PATIENCE);
  gateway.kill('SIGKILL');
  await gateway.exited;
  for (let count = 0; count < 10; count += 1) await change();
  await startGateway();
  await change();
  await eventually(async () => {
    const table = await pool.query<{ told: string }>(
      `SELECT id || ' ' || version AS told FROM orders WHERE status IN ('pending', 'confirmed')`,
    );
    assert.deepEqual(viewOf(view.shown), table.rows.map(({ told }) => told).toSorted());
  }, PATIENCE);
  assert.ok(has('left'));
  assert.equal(view.shown.filter(({ kind }) => kind === 'listing').length, 1, 'the stream goes on');
});

test('a program in Python reads its own write, also where its watch wants nothing of it', async (t) => {
  const { address, api } = await startSystem(t);
  for (const [statuses, seen] of [[['pending'], true] as const, [['shipped'], false] as const]) {
    const { shown, ended } = await startPython<{ seen: boolean }>(t, 'place.py', [address, api, ...statuses]);
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      shown.map((line) => line.seen),
      [seen],
    );
  }
});

test('a watch in Python ends when it has caught up, and tells how an order leaves its statuses', async (t) => {
  const { address, client } = await startSystem(t);
  const folder = await createTestFolder();
  const [one, other] = [await client.place(), await client.place()];
  await client.move(one, 'confirmed', 'processing', 'shipped');
  await client.move(other, 'confirmed');
  const told = async (...options: string[]) => {
    const file = join(folder, options.join(''));
    const args = [address, file, '--earliest', '--until-caught-up', ...options];
    const { shown, ended } = await startPython<ShownEvent>(t, 'watch.py', args);
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
    return shown.map(({ order_id: orderId, order_version: version }) => [orderId, version]);
  };
  await eventually(async () => {
    assert.deepEqual(
      await told('--order', one),
      [1, 2, 3, 4].map((version) => [one, version]),
    );
  }, PATIENCE);
  const statuses = ['--order', one, '--status', 'confirmed', '--status', 'pending'];
  assert.deepEqual(
    await told(...statuses),
    [1, 2].map((version) => [one, version]),
  );
  assert.deepEqual(
    await told(...statuses, '--leaving'),
    [1, 2, 3].map((version) => [one, version]),
  );
});
