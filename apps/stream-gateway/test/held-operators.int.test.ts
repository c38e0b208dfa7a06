import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import { OrderEventType } from '@order-events/order-stream';
import { eventually } from '../../../test/harness/index.ts';
import type { ConsumeRecording } from '../testing/consume-recorder.ts';
import {
  adminOfAnother,
  consume,
  hasVersions,
  orderEvents,
  reject,
  startWithHeldTopic,
  versions,
} from '../testing/rejecting-stream.ts';

// What operators see and decide at any replica, whether it has a stream of the subscription or not.

async function startTwo(t: TestContext) {
  const gateway = await startWithHeldTopic(t);
  return { ...gateway, subscription: randomUUID(), operators: await adminOfAnother(t, gateway) };
}

/** Sets the orders aside, with all that has come of them. */
function setAside(stream: ConsumeRecording, ...orderIds: readonly string[]): void {
  for (const orderId of orderIds) {
    reject(
      stream,
      stream.events().find((event) => event.orderId === orderId),
      'set aside',
    );
  }
}

test('a replica without a stream of the subscription lists, requeues and gives up what another one holds', async (t) => {
  const { app, produce, subscription, operators } = await startTwo(t);
  const stream = consume(t, app.urls.grpc, subscription);
  await stream.hasPartitions(12);
  const [bad, worse] = [randomUUID(), randomUUID()];
  await produce(...orderEvents(bad, 1, 2), ...orderEvents(worse, 1, 2, 3));
  await stream.received(5);
  setAside(stream, bad, worse);
  await eventually(async () => {
    const { orders } = await operators.listHeldOrders({ subscription });
    assert.deepEqual(
      new Map(orders.map(({ orderId, eventCount }) => [orderId, eventCount])),
      new Map([
        [bad, 2n],
        [worse, 3n],
      ]),
    );
  });
  const paged = await operators.listHeldOrders({ subscription, pageSize: 1 });
  assert.equal(paged.orders.length, 1);
  const next = await operators.listHeldOrders({ subscription, pageToken: paged.nextPageToken });
  assert.deepEqual(
    [...paged.orders, ...next.orders].map(({ orderId }) => orderId),
    [bad, worse].toSorted(),
  );
  stream.acknowledgeAll();

  const [second] = stream.events().filter((event) => event.orderId === worse && event.orderVersion === 2n);
  const one = await operators.discardHeldEvents({
    subscription,
    orderId: worse,
    eventId: second?.eventId ?? '',
  });
  assert.deepEqual(one, {
    discardedEvents: 1n,
    pending: false,
    events: [
      {
        eventId: second?.eventId,
        orderId: worse,
        orderVersion: 2n,
        eventType: OrderEventType.STATUS_CHANGED,
      },
    ],
  });
  assert.deepEqual(await operators.requeueHeldOrders({ subscription }), {
    requeuedOrders: 2n,
    pending: false,
  });
  await hasVersions(stream, bad, [1, 2, 1, 2]);
  await hasVersions(stream, worse, [1, 2, 3, 1, 3]);
  await eventually(async () => {
    assert.deepEqual((await operators.listHeldOrders({ subscription })).orders, []);
  });
  await assert.rejects(operators.discardHeldEvents({ subscription, orderId: bad }), /NOT_FOUND/);
});

test('what is asked while no stream is connected is stored, shown as done, and done by the next stream before it is sent anything', async (t) => {
  const { app, produce, subscription, operators } = await startTwo(t);
  const stream = consume(t, app.urls.grpc, subscription);
  await stream.hasPartitions(12);
  const [bad, worse] = [randomUUID(), randomUUID()];
  await produce(...orderEvents(bad, 1, 2), ...orderEvents(worse, 1, 2));
  await stream.received(4);
  setAside(stream, bad, worse);
  for (let answers = 0, from = 0; answers < 2; answers += 1) {
    await stream.signal('rejected', from);
    from = stream.messages.findIndex((message, at) => at >= from && message.signal?.$case === 'rejected') + 1;
  }
  await stream.cancel();

  assert.deepEqual(await operators.requeueHeldOrders({ subscription, orderId: bad }), {
    requeuedOrders: 1n,
    pending: true,
  });
  const given = await operators.discardHeldEvents({ subscription, orderId: worse });
  assert.equal(given.pending, true);
  assert.deepEqual(
    given.events.map(({ orderId, orderVersion }) => [orderId, orderVersion]),
    [
      [worse, 1n],
      [worse, 2n],
    ],
  );
  const { orders } = await operators.listHeldOrders({ subscription });
  assert.deepEqual(
    orders.map(({ orderId, setAside: isAside }) => [orderId, isAside]),
    [[bad, false]],
  );
  await assert.rejects(operators.discardHeldEvents({ subscription, orderId: worse }), /NOT_FOUND/);

  const after = consume(t, app.urls.grpc, subscription);
  after.acknowledgeAll();
  await produce(...orderEvents(worse, 3));
  await hasVersions(after, bad, [1, 2]);
  await hasVersions(after, worse, [3]);
  assert.deepEqual(versions(after.events(), worse), [3]);
});
