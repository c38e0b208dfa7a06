import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ensureHeldTopic } from '@order-events/messaging';
import {
  handleOrders,
  OrderStreamAdminServiceDefinition,
  type OrderEvent,
  Reject,
  Retry,
} from '@order-events/order-stream';
import { createChannel, createClient } from 'nice-grpc';
import { eventually } from '../../../test/harness/index.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';

const VERSIONS = [1, 2, 3, 4];
const ALL = VERSIONS.map(String);

test('two consumers handle several orders at once, each in order; what they throw holds up its order only', async (t) => {
  const { app, brokers, topic, produce } = await startGateway(t);
  const held = { topic, partitions: 12, replicationFactor: 1 };
  await ensureHeldTopic({ brokers, clientId: 'test' }, held, AbortSignal.timeout(30_000));
  const subscription = randomUUID();
  const [late, bad, ...good] = Array.from({ length: 12 }, () => randomUUID());
  const handled = new Map<string, string[]>();
  const attempts: number[] = [];
  const working = new Set<string>();

  async function handle({ orderId, orderVersion, attempt }: OrderEvent): Promise<void> {
    assert.ok(!working.has(orderId), 'two events of one order at once');
    working.add(orderId);
    await pause(Math.random() * 10);
    working.delete(orderId);
    if (orderId === bad && orderVersion === 2n) throw new Reject('unknown article');
    if (orderId === late && orderVersion === 2n) {
      attempts.push(attempt);
      if (attempts.length < 3) throw new Retry('the stock is away', { delayMs: 50 });
    }
    handled.set(orderId, [...(handled.get(orderId) ?? []), String(orderVersion)]);
  }

  const leaving = new AbortController();
  const consumers = [1, 2].map(() =>
    handleOrders({
      ...{ address: app.urls.grpc, subscription, concurrency: 4, signal: leaving.signal, handle },
      rejectPolicy: { maxAttempts: 5 },
    }),
  );
  t.after(() => leaving.abort());
  const orderIds = [late!, bad!, ...good];
  for (const version of VERSIONS) {
    await produce(...orderIds.map((orderId) => orderEvent({ orderId, version })));
  }
  await eventually(() => {
    for (const orderId of good) assert.deepEqual(handled.get(orderId), ALL);
    assert.deepEqual(handled.get(late!), ALL);
  });
  assert.deepEqual(attempts, [0, 2, 3]);
  assert.deepEqual(handled.get(bad!), ['1']);

  const channel = createChannel(app.urls.adminGrpc);
  t.after(() => channel.close());
  const client = createClient(OrderStreamAdminServiceDefinition, channel);
  await eventually(async () => {
    const { orders } = await client.listHeldOrders({ subscription });
    assert.deepEqual(
      orders.map(({ orderId, setAside, reason }) => [orderId, setAside, reason]),
      [[bad, true, 'unknown article']],
    );
  });
  leaving.abort();
  await Promise.all(consumers);
});
