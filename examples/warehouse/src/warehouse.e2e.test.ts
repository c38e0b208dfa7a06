import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureHeldTopic } from '@order-events/messaging';
import { OrderStreamAdminServiceDefinition } from '@order-events/order-stream';
import { createChannel, createClient, Metadata } from 'nice-grpc';
import { createOrderClient, ORDER, TEA } from '../../../apps/api/testing/order-client.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../../../test/harness/index.ts';
import { appEnv, startOrderApps } from '../../../test/harness/order-apps.ts';
import { bearerFileEnv, TEST_HEADERS } from '../../../test/harness/test-access.ts';
import { createTestFolder } from '../../../test/harness/test-folder.ts';
import { findFreePort } from '../../../tools/stack/index.ts';

const PATIENCE = { patienceMs: 120_000 };

test('an order with an unknown article is set aside, all others are shipped, also those that came while the API was away', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const topic = await createTestTopic(t);
  const held = { topic: topic.topic, partitions: 12, replicationFactor: 1 };
  await ensureHeldTopic({ ...topic.connection, clientId: 'test' }, held, AbortSignal.timeout(30_000));
  const envOf = { api: { API_PORT: String(await findFreePort()) } };
  const system = { databaseUrl, ...topic, envOf };
  const { api, gateway } = await startOrderApps(t, system);
  const client = createOrderClient(api.urls.http);
  const channel = createChannel(gateway.urls.adminGrpc);
  t.after(() => channel.close());
  const operator = createClient(OrderStreamAdminServiceDefinition, channel, {
    '*': { metadata: Metadata(TEST_HEADERS) },
  });
  const heldOrders = async () => {
    const { orders } = await operator.listHeldOrders({ subscription: 'warehouse' });
    return orders.map(({ orderId, setAside, reason }) => [orderId, setAside, reason] as const);
  };
  const isShipped = async (orderId: string) => {
    assert.equal((await client.send('GET', `/orders/${orderId}`)).body['status'], 'shipped');
  };
  const place = async (sku: string) => {
    const orderId = await client.place({ ...ORDER, items: [{ ...TEA, sku }] });
    await client.move(orderId, 'confirmed');
    return orderId;
  };
  const articles = join(await createTestFolder(), 'articles');
  await writeFile(articles, 'tea\n\ncoffee\n');

  const early = [await place('tea'), await place('coffee')];
  api.kill('SIGKILL');
  await api.exited;
  await startApp(t, 'warehouse', {
    ...(await bearerFileEnv()),
    WAREHOUSE_GATEWAY: gateway.urls.grpc,
    WAREHOUSE_API_URL: api.urls.http,
    WAREHOUSE_ARTICLES_FILE: articles,
  });
  // Not set aside for that.
  await eventually(async () => {
    const waiting = (await heldOrders()).map(([orderId, setAside]) => [orderId, setAside] as const);
    assert.deepEqual(new Map(waiting), new Map(early.map((orderId) => [orderId, false])));
  }, PATIENCE);
  await startApp(t, 'api', appEnv(system).api);
  const unknown = await place('herring');
  for (const orderId of [...early, await place('tea')]) await eventually(() => isShipped(orderId), PATIENCE);
  await eventually(async () => {
    assert.deepEqual(await heldOrders(), [[unknown, true, 'unknown article: herring']]);
  }, PATIENCE);
  assert.equal((await client.send('GET', `/orders/${unknown}`)).body['status'], 'confirmed');

  // Somebody has decided: there is a place for it now.
  await writeFile(articles, 'tea\ncoffee\nherring\n');
  await operator.requeueHeldOrders({ subscription: 'warehouse', orderId: unknown });
  await eventually(() => isShipped(unknown), PATIENCE);
  await eventually(async () => assert.deepEqual(await heldOrders(), []), PATIENCE);
});
