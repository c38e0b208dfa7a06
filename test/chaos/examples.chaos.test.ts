import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ensureHeldTopic } from '@order-events/messaging';
import { type OrderEvent, OrderStatus } from '@order-events/order-stream';
import { createOrderClient } from '../../apps/api/testing/order-client.ts';
import { startWebhookReceiver } from '../../examples/notifications/testing/webhook-receiver.ts';
import { countGetRequests } from '../../tools/load/get-requests.ts';
import { type AppProcess, findFreePort } from '../../tools/stack/index.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { startWatch } from '../harness/load.ts';
import { appEnv, startOrderApps } from '../harness/order-apps.ts';
import { createTestFolder } from '../harness/test-folder.ts';

/** Members of a killed gateway are missed by the group only after their session. */
const PATIENCE = { patienceMs: 90_000 };
const LIFE = [OrderStatus.PENDING, OrderStatus.CONFIRMED, OrderStatus.PROCESSING, OrderStatus.SHIPPED];

async function setUp(t: TestContext) {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic, connection } = await createTestTopic(t);
  // What fails for the time being comes again from there.
  const held = { topic, partitions: 12, replicationFactor: 1 };
  await ensureHeldTopic({ ...connection, clientId: 'test' }, held, AbortSignal.timeout(30_000));
  const tokenFile = join(await createTestFolder(), 'token');
  // The same for the gateway that follows a killed one.
  const env = { GATEWAY_PORT: String(await findFreePort()) };
  const system = { databaseUrl, brokers, topic, env };
  const { api, gateway } = await startOrderApps(t, system);
  const receiver = await startWebhookReceiver(t);
  const address = gateway.urls.grpc;
  const events: OrderEvent[] = [];
  await startWatch(t, { address: () => address, onEvent: (event) => events.push(event) }).started;

  const settings = {
    'stream-gateway': appEnv(system)['stream-gateway'],
    notifications: {
      NOTIFICATIONS_GATEWAY: address,
      NOTIFICATIONS_TOKEN_FILE: tokenFile,
      NOTIFICATIONS_WEBHOOK_URL: receiver.url,
    },
    warehouse: { WAREHOUSE_GATEWAY: address, WAREHOUSE_API_URL: api.urls.http },
  };
  return {
    api,
    gateway,
    receiver,
    events,
    /** Of the notifications; there is one as soon as they have a place in the log. */
    token: () => readFile(tokenFile, 'utf8'),
    start: (name: keyof typeof settings) => startApp(t, name, settings[name]),
  };
}

async function killed(app: AppProcess): Promise<void> {
  app.kill('SIGKILL');
  await app.exited;
}

test('two pollers as subscribers: every order is shipped once and told, nobody polls, whoever is killed', async (t) => {
  const { api, gateway, receiver, events, token, start } = await setUp(t);
  const [warehouse, , notifications] = await Promise.all([
    start('warehouse'),
    start('warehouse'),
    start('notifications'),
  ]);
  await eventually(token, PATIENCE);
  const client = createOrderClient(api.urls.http);
  const orders: string[] = [];
  const placeAndConfirm = async (count: number) => {
    for (let n = 0; n < count; n++) {
      const orderId = await client.place();
      await client.move(orderId, 'confirmed');
      orders.push(orderId);
    }
  };
  const shipped = () => events.filter(({ status }) => status === OrderStatus.SHIPPED);

  await placeAndConfirm(10);
  await eventually(() => assert.equal(shipped().length, 10), PATIENCE);
  await placeAndConfirm(20);
  await Promise.all([killed(warehouse), killed(notifications)]);
  await placeAndConfirm(10);
  await Promise.all([start('warehouse'), start('notifications')]);
  await placeAndConfirm(20);
  await killed(gateway);
  await placeAndConfirm(10);
  await start('stream-gateway');
  await placeAndConfirm(10);

  await eventually(() => assert.equal(shipped().length, orders.length), PATIENCE);
  const lives = Map.groupBy(events, ({ orderId }) => orderId);
  for (const orderId of orders) {
    const life = lives.get(orderId)?.map(({ orderVersion, status }) => ({ orderVersion, status }));
    assert.deepEqual(
      life,
      LIFE.map((status, index) => ({ orderVersion: BigInt(index + 1), status })),
    );
  }
  const notified: OrderStatus[] = [OrderStatus.CONFIRMED, OrderStatus.SHIPPED];
  const expected = events.filter(({ status }) => notified.includes(status)).map(({ eventId }) => eventId);
  const told = () => new Set(receiver.accepted.map(({ id }) => id));
  await eventually(() => assert.deepEqual([...told()].sort(), expected.toSorted()), PATIENCE);
  const repeated = receiver.accepted.length - told().size;
  assert.equal(await countGetRequests(api.urls.admin), 0);
  t.diagnostic(`${orders.length} orders, ${expected.length} notifications of which ${repeated} came twice`);
});
