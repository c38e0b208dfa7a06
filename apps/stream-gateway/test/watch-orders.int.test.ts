import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import {
  createOrderStreamClient,
  type DeepPartial,
  OrderEventType,
  OrderStatus,
  type WatchOrdersRequest,
} from '@order-events/order-stream';
import { eventually, startApp } from '../../../test/harness/index.ts';
import { TRACEPARENT } from '../testing/event-producer.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';
import { recordWatch } from '../testing/stream-recorder.ts';

const ids = (events: readonly { eventId: string }[]) => events.map(({ eventId }) => eventId);

test('a watcher from the live edge gets what is appended, with the whole order', async (t) => {
  const { produce, watch } = await startGateway(t);
  await produce(orderEvent());
  // Before the gateway has reached Kafka, the live edge is ten seconds in the past.
  await watch().signal('caughtUp');
  const stream = watch();
  await stream.signal('caughtUp');
  const before = stream.messages.length;
  const event = orderEvent({ status: 'confirmed', version: 2 });
  await produce(event);
  await stream.events(1);
  const [got] = stream.messages.slice(before).flatMap(({ events }) => events);
  assert.ok(got);
  assert.ok(got.logTime && Math.abs(got.logTime.getTime() - Date.now()) < 60_000);
  assert.ok(got.partition >= 0 && got.partition < 12);
  const { logTime: _time, partition: _partition, offset: _offset, ...content } = got;
  const { order } = event;
  assert.deepEqual(content, {
    attempt: 0,
    eventId: event.eventId,
    eventType: OrderEventType.STATUS_CHANGED,
    orderId: order.orderId,
    orderVersion: 2n,
    customerId: order.customerId,
    status: OrderStatus.CONFIRMED,
    previousStatus: OrderStatus.PENDING,
    occurTime: event.occurredAt,
    order: {
      orderId: order.orderId,
      customerId: order.customerId,
      status: OrderStatus.CONFIRMED,
      items: [{ sku: 'sku-0', quantity: 2n, unitPriceMinor: 450n }],
      currency: 'EUR',
      totalMinor: 900n,
      createTime: order.createdAt,
      updateTime: order.updatedAt,
    },
    traceparent: TRACEPARENT,
  });
});

test('each filter, and filters together, deliver what matches and nothing else', async (t) => {
  const { produce, watch } = await startGateway(t);
  const [orderA, orderB] = [randomUUID(), randomUUID()];
  const created = orderEvent({ orderId: orderA, customerId: 'ann' });
  const updated = orderEvent({ orderId: orderA, customerId: 'ann', version: 2, eventType: 'order.updated' });
  const shipped = orderEvent({ orderId: orderB, customerId: 'bob', version: 3, status: 'shipped' });
  const cancelled = orderEvent({ customerId: 'ann', version: 2, status: 'cancelled' });
  const last = orderEvent({ orderId: orderA, customerId: 'ann', version: 3, status: 'shipped' });

  const cases: [DeepPartial<WatchOrdersRequest['filter']>, { eventId: string }[]][] = [
    [{}, [created, updated, shipped, cancelled, last]],
    [{ statuses: [OrderStatus.SHIPPED] }, [shipped, last]],
    [{ statuses: [OrderStatus.SHIPPED, OrderStatus.CANCELLED] }, [shipped, cancelled, last]],
    [{ orderIds: [orderA] }, [created, updated, last]],
    [{ customerIds: ['ann', 'nobody'] }, [created, updated, cancelled, last]],
    [{ eventTypes: [OrderEventType.CREATED, OrderEventType.UPDATED] }, [created, updated]],
    [{ statuses: [OrderStatus.SHIPPED], customerIds: ['ann'] }, [last]],
  ];
  const streams = cases.map(([filter]) => watch({ filter, heartbeatInterval: { seconds: 1n } }));
  await Promise.all(streams.map((stream) => stream.signal('started')));
  // One after another, so that they have one order across partitions, too.
  for (const event of [created, updated, shipped, cancelled, last]) await produce(event);
  const [all] = streams;
  await all!.events(5);
  await Promise.all(
    streams.map(async (stream, index) => {
      // Then it has seen the last event go by, whether it got it or not.
      await eventually(() => assert.equal(stream.token(), all!.token()));
      assert.deepEqual(stream.eventIds().toSorted(), ids(cases[index]![1]).toSorted());
    }),
  );
});

test('a watcher starts at the oldest event, at a time, or after a token', async (t) => {
  const { produce, watch } = await startGateway(t);
  const [first, second, third] = [orderEvent(), orderEvent(), orderEvent()];
  const live = watch();
  await live.signal('started');
  await produce(first);
  await live.events(1);
  const afterFirst = live.token();
  await produce(second);
  await live.events(2);
  const secondEvent = live.messages.flatMap(({ events }) => events)[1];
  const secondTime = secondEvent?.logTime ?? assert.fail('no log time');
  await produce(third);

  const earliest = watch({ start: { position: { $case: 'earliest', value: true } } });
  assert.deepEqual((await earliest.events(3)).toSorted(), ids([first, second, third]).toSorted());
  const timed = watch({ start: { position: { $case: 'startTime', value: secondTime } } });
  assert.deepEqual((await timed.events(2)).toSorted(), ids([second, third]).toSorted());
  const resumed = watch({ start: { position: { $case: 'resumeToken', value: afterFirst } } });
  assert.deepEqual((await resumed.events(2)).toSorted(), ids([second, third]).toSorted());
});

test('the replay range names both ends of the log', async (t) => {
  const { app, produce, watch } = await startGateway(t);
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  const range = () => eventually(() => client.getReplayRange({}));
  assert.equal((await range()).earliestLogTime, undefined);
  const event = orderEvent();
  await produce(event);
  const { earliestToken, latestToken, earliestLogTime } = await range();
  assert.ok(earliestLogTime && Math.abs(earliestLogTime.getTime() - Date.now()) < 60_000);
  const fromStart = watch({ start: { position: { $case: 'resumeToken', value: earliestToken } } });
  assert.deepEqual(await fromStart.events(1), [event.eventId]);
  const fromEnd = watch({ start: { position: { $case: 'resumeToken', value: latestToken } } });
  await fromEnd.signal('caughtUp');
  assert.deepEqual(fromEnd.eventIds(), []);
});

test('events older than memory holds come from Kafka, whole, in order per order, and to many clients by few fetches', async (t) => {
  const { produce, watch, metric } = await startGateway(t, { GATEWAY_RING_BYTES: '1048576' });
  const orderIds = Array.from({ length: 30 }, () => randomUUID());
  for (let version = 1; version <= 150; version += 1) {
    await produce(...orderIds.map((orderId) => orderEvent({ orderId, version })));
  }
  const start = { position: { $case: 'earliest', value: true } } as const;
  const streams = Array.from({ length: 8 }, () => watch({ start }));
  await Promise.all(
    streams.map(async (stream) => {
      const got = await stream.events(30 * 150);
      assert.equal(new Set(got).size, 30 * 150);
      const newest = new Map<string, bigint>();
      for (const { orderId, orderVersion } of stream.messages.flatMap(({ events }) => events)) {
        assert.equal(orderVersion, (newest.get(orderId) ?? 0n) + 1n, orderId);
        newest.set(orderId, orderVersion);
      }
      await stream.signal('caughtUp');
    }),
  );
  const fetches = (await metric(/^stream_history_fetches_total/)) ?? 0;
  assert.ok(fetches > 0 && fetches < 400, `${fetches} fetches`);
});

test('heartbeats come as negotiated, and their token passes what did not match', async (t) => {
  const { produce, watch } = await startGateway(t);
  const filter = { statuses: [OrderStatus.DELIVERED] };
  const stream = watch({ filter, heartbeatInterval: { seconds: 0n, nanos: 1 } });
  const started = await stream.signal('started');
  assert.ok(started.signal?.$case === 'started');
  assert.deepEqual(started.signal.value.heartbeatInterval, { seconds: 1n, nanos: 0 });
  await produce(orderEvent());
  const { events, resumeToken } = await stream.signal('heartbeat');
  assert.deepEqual(events, []);
  assert.notEqual(resumeToken, started.resumeToken);
});

test('batches are as large as asked for', async (t) => {
  const { produce, watch } = await startGateway(t);
  const events = Array.from({ length: 100 }, () => orderEvent());
  await produce(...events);
  const start = { position: { $case: 'earliest', value: true } } as const;
  const [single, many] = [watch({ start, maxBatchSize: 1 }), watch({ start })];
  await Promise.all([single.events(100), many.events(100)]);
  assert.ok(single.messages.every((message) => message.events.length <= 1));
  assert.ok(many.messages.filter((message) => message.events.length > 0).length < 50);
});

test('an event that was appended twice is delivered once, and a record that is none is passed over', async (t) => {
  const { produce, produceOther, watch, metric } = await startGateway(t);
  const stream = watch();
  await stream.signal('started');
  const [twice, last] = [orderEvent(), orderEvent()];
  await produce(twice);
  await produce(twice);
  await produceOther('{"event_id":1}');
  await produce(last);
  await eventually(() => assert.ok(stream.eventIds().includes(last.eventId)));
  assert.deepEqual(stream.eventIds().toSorted(), ids([twice, last]).toSorted());
  await eventually(async () => {
    assert.equal(await metric(/^stream_records_skipped_total\{.*reason="duplicate"/), 1);
    assert.equal(await metric(/^stream_records_skipped_total\{.*reason="invalid"/), 1);
  });
});

test('a token is good on another replica', async (t) => {
  const { produce, watch, settings } = await startGateway(t);
  const other = await startApp(t, 'stream-gateway', settings);
  const stream = watch();
  await stream.signal('started');
  const [first, second] = [orderEvent(), orderEvent()];
  await produce(first);
  await stream.events(1);
  await stream.cancel();
  await produce(second);
  const start = { position: { $case: 'resumeToken', value: stream.token() } } as const;
  assert.deepEqual(await recordWatch(t, other.urls.grpc, { start }).events(1), [second.eventId]);
});
