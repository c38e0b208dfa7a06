import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { RejectOutcome, toDuration } from '@order-events/order-stream';
import { Status } from 'nice-grpc-common';
import { eventually, startApp } from '../../../test/harness/index.ts';
import { recordConsume } from '../testing/consume-recorder.ts';
import { startGateway } from '../testing/gateway-app.ts';
import {
  adminOf,
  consume,
  hasVersions,
  orderEvents,
  policy,
  reject,
  startWithHeldTopic,
  versions,
} from '../testing/rejecting-stream.ts';

test('a rejected event comes again, with its number, before what follows of its order; other orders flow', async (t) => {
  const { app, produce } = await startWithHeldTopic(t);
  const stream = consume(t, app.urls.grpc, randomUUID());
  await stream.hasPartitions(12);
  const [bad, good] = [randomUUID(), randomUUID()];
  await produce(...orderEvents(bad, 1, 2));
  await stream.received(2);
  reject(stream, stream.events()[0], 400);
  const answer = (await stream.signal('rejected')).signal;
  assert.ok(answer?.$case === 'rejected');
  assert.equal(answer.value.outcome, RejectOutcome.RETRY);
  stream.acknowledgeAll();
  await produce(...orderEvents(bad, 3), ...orderEvents(good, 1, 2));
  await hasVersions(stream, good, [1, 2]);
  await hasVersions(stream, bad, [1, 2, 1, 2, 3]);
  const attempts = stream.events().filter(({ orderId }) => orderId === bad);
  assert.deepEqual(
    attempts.map(({ attempt }) => attempt),
    [0, 0, 2, 0, 0],
  );
  await produce(...orderEvents(bad, 4));
  await hasVersions(stream, bad, [1, 2, 1, 2, 3, 4]);
});

test('what is held is taken over by another gateway, and what was acknowledged meanwhile does not come again', async (t) => {
  const { app, settings, produce } = await startWithHeldTopic(t);
  const subscription = randomUUID();
  const first = consume(t, app.urls.grpc, subscription);
  await first.hasPartitions(12);
  const [bad, good] = [randomUUID(), randomUUID()];
  await produce(...orderEvents(bad, 1, 2), ...orderEvents(good, 1));
  await first.received(3);
  reject(
    first,
    first.events().find(({ orderId }) => orderId === bad),
    2_000,
  );
  await first.signal('rejected');
  first.acknowledgeAll();
  await produce(...orderEvents(good, 2));
  await hasVersions(first, good, [1, 2]);
  await first.signal('acknowledged', first.messages.length - 1);
  app.kill();

  const other = await startApp(t, 'stream-gateway', settings);
  const second = consume(t, other.urls.grpc, subscription);
  second.acknowledgeAll();
  await produce(...orderEvents(bad, 3), ...orderEvents(good, 3));
  await hasVersions(second, good, [3]);
  await hasVersions(second, bad, [1, 2, 3]);
  const [again] = second.events().filter(({ orderId }) => orderId === bad);
  assert.equal(again?.attempt, 2);
});

test('with its last attempt an order is set aside, and stays so', async (t) => {
  const { app, produce } = await startWithHeldTopic(t);
  const stream = consume(t, app.urls.grpc, randomUUID(), policy({ maxAttempts: 2, firstDelayMs: 50 }));
  await stream.hasPartitions(12);
  const bad = randomUUID();
  await produce(...orderEvents(bad, 1));
  await stream.received(1);
  reject(stream, stream.events()[0]);
  await hasVersions(stream, bad, [1, 1]);
  const from = stream.messages.length;
  reject(stream, stream.events()[1]);
  const answer = (await stream.signal('rejected', from)).signal;
  assert.ok(answer?.$case === 'rejected');
  assert.equal(answer.value.outcome, RejectOutcome.SET_ASIDE);
  reject(stream, stream.events()[0]);
  const behind = (await stream.signal('rejected', stream.messages.length)).signal;
  assert.ok(behind?.$case === 'rejected');
  assert.equal(behind.value.outcome, RejectOutcome.BEHIND);
});

test('a share of which as much is held as may be waits, and goes on when it is decided', async (t) => {
  const { app, produce } = await startWithHeldTopic(t, { GATEWAY_HELD_EVENTS: '2' });
  const subscription = randomUUID();
  const stream = consume(t, app.urls.grpc, subscription);
  await stream.hasPartitions(12);
  const bad = randomUUID();
  await produce(...orderEvents(bad, 1, 2));
  await stream.received(2);
  reject(stream, stream.events()[0], 'set aside');
  await stream.signal('rejected');
  await produce(...orderEvents(bad, 3, 4));
  const other = recordConsume(t, app.urls.grpc, { subscription, rejectPolicy: policy() });
  await other.hasPartitions(6);
  for (const each of [stream, other]) each.acknowledgeAll();
  const client = adminOf(t, app.urls.adminGrpc);
  await eventually(async () => {
    const { orders } = await client.listHeldOrders({ subscription, orderId: bad });
    assert.deepEqual(orders[0]?.eventCount, 2n);
  });
  await client.requeueHeldOrders({ subscription, orderId: bad });
  await eventually(() => {
    const all = [...stream.events().slice(2), ...other.events()];
    assert.deepEqual(versions(all, bad), [1, 2, 3, 4]);
  });
});

test('operators see what is held, send it again, and give it up', async (t) => {
  const { app, produce, metric } = await startWithHeldTopic(t);
  const subscription = randomUUID();
  const stream = consume(t, app.urls.grpc, subscription);
  await stream.hasPartitions(12);
  const [bad, worse] = [randomUUID(), randomUUID()];
  await produce(...orderEvents(bad, 1, 2), ...orderEvents(worse, 1));
  await stream.received(3);
  for (const orderId of [bad, worse]) {
    reject(
      stream,
      stream.events().find((event) => event.orderId === orderId),
      'set aside',
    );
  }
  const client = adminOf(t, app.urls.adminGrpc);
  await eventually(async () => {
    const { orders } = await client.listHeldOrders({ subscription });
    assert.deepEqual(new Set(orders.map(({ orderId }) => orderId)), new Set([bad, worse]));
    assert.ok(orders.every(({ setAside, reason }) => setAside && reason === 'unknown article'));
  });
  assert.equal(await metric(/^stream_held_events\{.*set_aside/), 2);
  assert.equal(await metric(/^stream_held_full_partitions/), 0);
  const shown = await client.listHeldOrders({ subscription, orderId: bad });
  assert.deepEqual(
    shown.orders[0]?.events.map(({ orderVersion }) => orderVersion),
    [1n, 2n],
  );
  const { discardedEvents } = await client.discardHeldEvents({ subscription, orderId: worse });
  assert.equal(discardedEvents, 1n);
  stream.acknowledgeAll();
  const { requeuedOrders } = await client.requeueHeldOrders({ subscription });
  assert.equal(requeuedOrders, 1n);
  await hasVersions(stream, bad, [1, 2, 1, 2]);
  await produce(...orderEvents(worse, 2));
  await hasVersions(stream, worse, [1, 2]);
  await eventually(async () => {
    assert.deepEqual((await client.listHeldOrders({ subscription })).orders, []);
  });
  await assert.rejects(client.requeueHeldOrders({ subscription, orderId: bad }), /NOT_FOUND/);
});

test('without a place for held events a rejection ends the stream with the reason', async (t) => {
  const { app, produce } = await startGateway(t);
  const stream = consume(t, app.urls.grpc, randomUUID());
  await stream.hasPartitions(12);
  await produce(...orderEvents(randomUUID(), 1));
  await stream.received(1);
  reject(stream, stream.events()[0]);
  assert.equal((await stream.ended).code, Status.FAILED_PRECONDITION);
});

test('a stream that acknowledges nothing in the time that it asked for ends, and another one is sent it', async (t) => {
  const { app, produce } = await startGateway(t);
  const subscription = randomUUID();
  const stuck = recordConsume(t, app.urls.grpc, { subscription, acknowledgeTimeout: toDuration(1_000) });
  await stuck.hasPartitions(12);
  await produce(...orderEvents(randomUUID(), 1));
  await stuck.received(1);
  const { code, message } = await stuck.ended;
  assert.equal(code, Status.UNAVAILABLE);
  assert.match(message, /acknowledge_timeout/);
  const other = recordConsume(t, app.urls.grpc, { subscription });
  await other.received(1);
});
