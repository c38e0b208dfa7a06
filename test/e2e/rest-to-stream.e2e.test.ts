import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runKafkaTool } from '../../tools/stack/index.ts';
import { findReflectingClient } from '../harness/find-reflecting-client.ts';
import { createTestDatabase, createTestTopic, eventually } from '../harness/index.ts';
import { startOrderApps } from '../harness/order-apps.ts';
import { TEST_HEADERS, TEST_TOKEN } from '../harness/test-access.ts';

const ORDER = {
  customer_id: 'c-1',
  currency: 'EUR',
  items: [{ sku: 'tea', quantity: 2, unit_price_minor: 450 }],
};

interface StreamedEvent {
  orderId: string;
  status: string;
  orderVersion: string;
}

async function send(method: string, url: string, body: object): Promise<string> {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...TEST_HEADERS },
    body: JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${url}: ${response.status}`);
  const { order_id: orderId } = (await response.json()) as { order_id: string };
  return orderId;
}

test('what REST changes reaches a stream filtered by status, and reads as plain JSON in the topic', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const { api, gateway } = await startOrderApps(t, { databaseUrl, brokers, topic });
  const client = await findReflectingClient('v1');
  t.diagnostic(`watched with ${client.name}`);
  const watch = client.call(gateway.urls.grpc, 'orders.v1.OrderStreamService/WatchOrders', {
    filter: { statuses: ['ORDER_STATUS_CONFIRMED', 'ORDER_STATUS_CANCELLED'] },
  });
  t.after(() => watch.stop());
  await eventually(() => assert.ok(watch.messages.length > 0));

  const orders = `${api.urls.http}/orders`;
  // The end-to-end tests are run with access control on, unless somebody says otherwise.
  assert.equal((await fetch(orders)).status, TEST_TOKEN === undefined ? 200 : 401);
  const shipped = await send('POST', orders, ORDER);
  const cancelled = await send('POST', orders, ORDER);
  for (const status of ['confirmed', 'processing', 'shipped']) {
    await send('PUT', `${orders}/${shipped}/status`, { status });
  }
  await send('PUT', `${orders}/${cancelled}/status`, { status: 'cancelled' });

  const events = await eventually(() => {
    // The client's JSON leaves out what is empty.
    const found = watch.messages.flatMap((message) => (message as { events?: StreamedEvent[] }).events ?? []);
    assert.equal(found.length, 2);
    return found.map(({ orderId, status, orderVersion }) => ({ orderId, status, orderVersion }));
  });
  const byOrder = new Map(events.map((event) => [event.orderId, event]));
  assert.deepEqual(byOrder.get(shipped), {
    orderId: shipped,
    status: 'ORDER_STATUS_CONFIRMED',
    orderVersion: '2',
  });
  assert.deepEqual(byOrder.get(cancelled), {
    orderId: cancelled,
    status: 'ORDER_STATUS_CANCELLED',
    orderVersion: '2',
  });

  const consumer = await runKafkaTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    ...['--bootstrap-server', brokers.join(','), '--topic', topic, '--from-beginning', '--max-messages', '6'],
    ...['--formatter-property', 'print.key=true', '--timeout-ms', '30000'],
  ]);
  assert.equal(consumer.exitCode, 0, consumer.stderr);
  const lines = consumer.stdout.trim().split('\n');
  assert.equal(lines.length, 6);
  const statuses = lines.map((line) => {
    const [key = '', value = ''] = line.split('\t');
    const event = JSON.parse(value) as { order_id: string; status: string; event_type: string };
    assert.equal(event.order_id, key);
    return `${key === shipped ? 'shipped' : 'cancelled'} order: ${event.event_type} ${event.status}`;
  });
  assert.deepEqual(
    statuses.filter((line) => line.startsWith('shipped')),
    [
      'shipped order: order.created pending',
      'shipped order: order.status_changed confirmed',
      'shipped order: order.status_changed processing',
      'shipped order: order.status_changed shipped',
    ],
  );
});
