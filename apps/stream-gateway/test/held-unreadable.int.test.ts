import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import { createUnfencedAppender, heldTopicName, keyHash } from '@order-events/messaging';
import { sendUnreadable } from '../../../packages/messaging/testing/unreadable-batches.ts';
import { eventually } from '../../../test/harness/index.ts';
import { metricOf } from '../../../test/harness/app-metric.ts';
import {
  adminOfAnother,
  consume,
  hasVersions,
  orderEvents,
  reject,
  startWithHeldTopic,
} from '../testing/rejecting-stream.ts';

const METRIC = 'stream_held_unreadable_records';

/** A gateway, an operator at another one, and somebody who writes into the topic of held events. */
async function startTwo(t: TestContext) {
  const gateway = await startWithHeldTopic(t);
  const { brokers, topic } = gateway;
  const connection = { brokers, clientId: 'test' };
  const appender = createUnfencedAppender(connection, heldTopicName(topic), 'a test record');
  t.after(() => appender.close());
  const write = (partition: number, key: string, value: string) =>
    appender.append(partition, [{ key, value, headers: {} }], AbortSignal.timeout(30_000));
  return { ...gateway, write, subscription: randomUUID(), operators: await adminOfAnother(t, gateway) };
}

type Gateways = Awaited<ReturnType<typeof startTwo>>;

/** Two orders are held, with two events each, and no stream is connected; the events are acknowledged. */
async function holdTwo(t: TestContext, { app, produce, subscription }: Gateways) {
  const stream = consume(t, app.urls.grpc, subscription);
  await stream.hasPartitions(12);
  const [bad, worse] = [randomUUID(), randomUUID()];
  await produce(...orderEvents(bad, 1, 2), ...orderEvents(worse, 1, 2));
  await stream.received(4);
  for (const orderId of [bad, worse]) {
    const from = stream.messages.length;
    const event = stream.events().find((each) => each.orderId === orderId);
    reject(stream, event, 'set aside');
    await stream.signal('rejected', from);
  }
  const events = stream.events();
  await stream.cancel();
  const [first] = events.filter(({ orderId }) => orderId === bad);
  return { bad, worse, first: first ?? assert.fail() };
}

function orderIn(partition: number): string {
  for (;;) {
    const orderId = randomUUID();
    if (keyHash(orderId) % 12 === partition) return orderId;
  }
}

const values: Readonly<Record<string, { value: string; reason: RegExp }>> = {
  'no JSON': { value: '\u0000half a rec', reason: /no JSON/ },
  'of an unknown version': { value: '{"version":2}', reason: /version 2/ },
  'without its event': {
    value: JSON.stringify({
      ...{ version: 1, attempts: 1, forgiven_attempts: 0, reason: '', not_before: 0, set_aside: true },
      event: Buffer.from('no event').toString('base64'),
    }),
    reason: /event/,
  },
};

for (const [name, { value, reason }] of Object.entries(values)) {
  test(`a record that is ${name} is told with its place, its share waits, and goes on when it is given up`, async (t) => {
    const gateways = await startTwo(t);
    const { app, produce, subscription, operators, write } = gateways;
    assert.equal(await metricOf(app, METRIC), 0);
    const { bad, first } = await holdTwo(t, gateways);
    const { partition, eventId } = first;
    const offset = await write(partition, `${subscription}/${eventId}`, value);

    const stream = consume(t, app.urls.grpc, subscription);
    stream.acknowledgeAll();
    await stream.hasPartitions(12);
    await eventually(async () => assert.equal(await metricOf(app, METRIC), 1));
    assert.match(JSON.stringify(app.logs()), new RegExp(`cannot be read.*${eventId}`));
    const { unreadable, unreadableCount, orders } = await operators.listHeldOrders({ subscription });
    assert.equal(unreadableCount, 1n);
    assert.deepEqual(
      unreadable.map(({ reason: _reason, ...place }) => place),
      [{ partition, offset, eventId }],
    );
    assert.match(unreadable[0]?.reason ?? '', reason);
    // What can be read of the same order is listed all the same.
    assert.equal(orders.find(({ orderId }) => orderId === bad)?.eventCount, 1n);

    await produce(...orderEvents(bad, 3));
    const others = Array.from({ length: 12 }, (_, each) => orderIn(each));
    await produce(...others.flatMap((orderId) => orderEvents(orderId, 1)));
    const elsewhere = others.filter((_, each) => each !== partition);
    for (const orderId of elsewhere) await hasVersions(stream, orderId, [1]);
    assert.ok(stream.events().every((event) => event.partition !== partition));

    const place = { subscription, partition, offset };
    assert.deepEqual(await operators.discardUnreadableHeldRecord(place), { eventId, pending: false });
    await hasVersions(stream, bad, [2, 3]);
    await eventually(async () => assert.equal(await metricOf(app, METRIC), 0));
    assert.equal((await operators.listHeldOrders({ subscription })).unreadableCount, 0n);
    await assert.rejects(operators.discardUnreadableHeldRecord(place), /NOT_FOUND/);
  });
}

test('a batch that cannot be read is told with its place, its share waits, and goes on as it was when it is given up', async (t) => {
  const gateways = await startTwo(t);
  const { app, brokers, topic, produce, subscription, operators } = gateways;
  const { bad, first } = await holdTwo(t, gateways);
  const { partition } = first;
  await sendUnreadable({ brokers }, heldTopicName(topic), partition);

  const stream = consume(t, app.urls.grpc, subscription);
  stream.acknowledgeAll();
  await stream.hasPartitions(12);
  await eventually(async () => assert.equal(await metricOf(app, METRIC), 1));
  const { unreadable, orders } = await operators.listHeldOrders({ subscription });
  const [batch] = unreadable;
  assert.ok(batch && unreadable.length === 1);
  assert.deepEqual([batch.partition, batch.eventId], [partition, '']);
  assert.match(batch.reason, /^a batch, up to offset \d+: too_large$/);
  assert.equal(orders.find(({ orderId }) => orderId === bad)?.eventCount, 2n);

  const others = Array.from({ length: 12 }, (_, each) => orderIn(each));
  await produce(...others.flatMap((orderId) => orderEvents(orderId, 1)));
  for (const orderId of others.filter((_, each) => each !== partition))
    await hasVersions(stream, orderId, [1]);
  assert.ok(stream.events().every((event) => event.partition !== partition));
  assert.equal((await operators.requeueHeldOrders({ subscription, orderId: bad })).pending, true);

  const place = { subscription, partition, offset: batch.offset };
  assert.deepEqual(await operators.discardUnreadableHeldRecord(place), { eventId: '', pending: false });
  await hasVersions(stream, bad, [1, 2]);
  await hasVersions(stream, others[partition]!, [1]);
  await eventually(async () => assert.equal(await metricOf(app, METRIC), 0));
  assert.equal((await operators.listHeldOrders({ subscription })).unreadableCount, 0n);

  // The log has the batch for ever, and whoever takes the partition over passes it as well.
  await stream.cancel();
  const next = consume(t, app.urls.grpc, subscription);
  await next.hasPartitions(12);
  await produce(...orderEvents(bad, 3));
  await hasVersions(next, bad, [3]);
});

test('while no stream is connected the decision is stored, shown as done, and done by the next stream before it is sent anything', async (t) => {
  const gateways = await startTwo(t);
  const { app, subscription, operators, write } = gateways;
  const { bad, first } = await holdTwo(t, gateways);
  const { partition, eventId } = first;
  const offset = await write(partition, `${subscription}/${eventId}`, 'no JSON');
  assert.deepEqual(await operators.discardUnreadableHeldRecord({ subscription, partition, offset }), {
    ...{ eventId, pending: true },
  });
  assert.deepEqual((await operators.listHeldOrders({ subscription })).unreadable, []);
  const stream = consume(t, app.urls.grpc, subscription);
  await hasVersions(stream, bad, [2]);
});

test('what a stream knows is stored anew when its record becomes unreadable, and what operators ask is not waited for', async (t) => {
  const gateways = await startTwo(t);
  const { app, produce, subscription, operators, write } = gateways;
  const stream = consume(t, app.urls.grpc, subscription);
  await stream.hasPartitions(12);
  const orderId = randomUUID();
  await produce(...orderEvents(orderId, 1));
  await stream.received(1);
  reject(stream, stream.events()[0], 'set aside');
  await stream.signal('rejected');
  const { partition, eventId } = stream.events()[0] ?? assert.fail();

  const offset = await write(partition, `${subscription}/${eventId}`, 'no JSON');
  const request = await write(partition, `/${subscription}/${randomUUID()}`, '{"version":2}');
  await eventually(async () => assert.equal(await metricOf(app, METRIC), 2));
  for (const place of [offset, request]) {
    const given = await operators.discardUnreadableHeldRecord({ subscription, partition, offset: place });
    assert.deepEqual(given, { eventId: '', pending: false });
  }
  await eventually(async () => assert.equal(await metricOf(app, METRIC), 0));
  const { orders, unreadableCount } = await operators.listHeldOrders({ subscription });
  assert.equal(unreadableCount, 0n);
  assert.deepEqual(
    orders.map((order) => [order.orderId, order.reason]),
    [[orderId, 'unknown article']],
  );
});
