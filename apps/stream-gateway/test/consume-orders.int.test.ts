import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { keyHash } from '@order-events/messaging';
import { createOrderStreamClient, decodeErrorDetails, OrderStatus } from '@order-events/order-stream';
import { settleWithin } from '@order-events/runtime';
import { Status } from 'nice-grpc-common';
import { eventually, startApp } from '../../../test/harness/index.ts';
import { type ConsumeRecording, recordConsume } from '../testing/consume-recorder.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { describeGroup } from '../testing/group-description.ts';
import { orderEvent } from '../testing/order-events.ts';
import type { StreamEnd } from '../testing/stream-recorder.ts';

const ids = (events: readonly { eventId: string }[]) => events.map(({ eventId }) => eventId);

test('two streams of a subscription on two gateways share the orders: all events, each order in order', async (t) => {
  const subscription = randomUUID();
  const { app, settings, produce } = await startGateway(t);
  const other = await startApp(t, 'stream-gateway', settings);
  const first = recordConsume(t, app.urls.grpc, { subscription });
  await first.hasPartitions(12);
  const second = recordConsume(t, other.urls.grpc, { subscription });
  await Promise.all([first.hasPartitions(6), second.hasPartitions(6)]);
  const all = [...(first.partitions() ?? []), ...(second.partitions() ?? [])];
  assert.deepEqual(new Set(all), new Set(Array.from({ length: 12 }, (_, partition) => partition)));
  for (const stream of [first, second]) stream.acknowledgeAll();

  const orders = Array.from({ length: 60 }, () => randomUUID());
  const events = [1, 2, 3, 4].flatMap((version) => orders.map((orderId) => orderEvent({ orderId, version })));
  await produce(...events);
  await Promise.all([first.signal('acknowledged'), second.signal('acknowledged')]);
  await eventuallyAll([first, second], ids(events));
  for (const stream of [first, second]) {
    const newest = new Map<string, bigint>();
    for (const { orderId, orderVersion, partition } of stream.events()) {
      assert.equal(orderVersion, (newest.get(orderId) ?? 0n) + 1n);
      newest.set(orderId, orderVersion);
      assert.ok(stream.partitions()?.includes(partition));
    }
  }
});

test('a stream that vanishes leaves what it has not acknowledged to the other one', async (t) => {
  const subscription = randomUUID();
  const { app, produce } = await startGateway(t);
  const open = { subscription };
  const [doomed, other] = [recordConsume(t, app.urls.grpc, open), recordConsume(t, app.urls.grpc, open)];
  await Promise.all([doomed.hasPartitions(6), other.hasPartitions(6)]);
  other.acknowledgeAll();
  const [done, ...later] = Array.from({ length: 5 }, () => eventsOf(doomed, 8));
  await produce(...done!);
  await doomed.received(8);
  doomed.acknowledge();
  await doomed.signal('acknowledged');
  for (const events of later) await produce(...events);
  await doomed.received(40);
  await doomed.cancel();
  await other.hasPartitions(12);
  await eventuallyAll([other], ids(later.flat()));
});

test('credit is exact: not one event more than may be unacknowledged, and as many again as are acknowledged', async (t) => {
  const subscription = randomUUID();
  const { app, produce } = await startGateway(t);
  await produce(...Array.from({ length: 60 }, () => orderEvent()));
  const open = { subscription, maxUnacknowledgedEvents: 10, maxBatchSize: 4 };
  const stream = recordConsume(t, app.urls.grpc, { ...open, heartbeatInterval: { seconds: 1n } });
  await stream.received(10);
  const full = stream.messages.length;
  await stream.signal('heartbeat', full);
  assert.equal(stream.events().length, 10);

  const [first, second] = stream.messages.filter(({ events }) => events.length > 0);
  stream.acknowledge(second);
  const freed = first!.events.length + second!.events.length;
  await stream.signal('acknowledged');
  await stream.received(10 + freed);
  await stream.signal('heartbeat', stream.messages.length);
  assert.equal(stream.events().length, 10 + freed);
  stream.acknowledgeAll();
  assert.equal(new Set(await stream.received(60)).size, 60);
});

test("an acknowledgement is a commit of the consumer group, which Kafka's own tool shows with members and lag", async (t) => {
  const subscription = randomUUID();
  const { app, brokers, topic, produce } = await startGateway(t);
  const stream = recordConsume(t, app.urls.grpc, { subscription });
  await stream.hasPartitions(12);
  const events = Array.from({ length: 30 }, () => orderEvent());
  await produce(...events);
  await stream.received(30);
  const sent = stream.messages.filter((message) => message.events.length > 0);
  stream.acknowledge(sent.at(-1));
  const { signal } = await stream.signal('acknowledged');
  assert.deepEqual(signal, { $case: 'acknowledged', value: { ackToken: sent.at(-1)!.ackToken } });

  const unacknowledged = orderEvent();
  await produce(unacknowledged);
  await stream.received(31);
  const rows = await describeGroup(brokers, `orders-stream.${topic}:${subscription}`);
  assert.equal(rows.length, 12);
  const { partition } = stream.events().at(-1)!;
  for (const row of rows) {
    assert.equal(row['LAG'], row['PARTITION'] === String(partition) ? '1' : '0');
    assert.equal(row['CLIENT-ID'], 'stream-gateway');
  }
  const committed = rows.reduce((sum, row) => sum + Number(row['CURRENT-OFFSET']), 0);
  assert.equal(committed, 30);
});

test('a client that ends its side has all its acknowledgements stored, and the next one goes on after them', async (t) => {
  const subscription = randomUUID();
  const { app, produce, settings } = await startGateway(t);
  const events = Array.from({ length: 20 }, () => orderEvent());
  await produce(...events);
  const open = { subscription, maxBatchSize: 1, maxUnacknowledgedEvents: 12 };
  const first = recordConsume(t, app.urls.grpc, open);
  const handled = (await first.received(12)).slice(0, 7);
  first.acknowledge(first.messages.filter((message) => message.events.length > 0)[6]);
  first.halfClose();
  assert.equal((await first.ended).code, Status.OK);
  await first.signal('acknowledged');

  const other = await startApp(t, 'stream-gateway', settings);
  const second = recordConsume(t, other.urls.grpc, { subscription });
  await second.received(13);
  assert.deepEqual([...handled, ...second.eventIds()].toSorted(), ids(events).toSorted());
});

test('a filter is fixed with the subscription: what does not match is passed over, and another filter is refused', async (t) => {
  const subscription = randomUUID();
  const { app, produce } = await startGateway(t);
  const filter = { statuses: [OrderStatus.SHIPPED, OrderStatus.CANCELLED], customerIds: ['ann'] };
  const stream = recordConsume(t, app.urls.grpc, { subscription, filter });
  await stream.hasPartitions(12);
  const events = [
    orderEvent({ customerId: 'ann', status: 'shipped', version: 2 }),
    orderEvent({ customerId: 'ann', status: 'pending' }),
    orderEvent({ customerId: 'bob', status: 'shipped', version: 2 }),
    orderEvent({ customerId: 'ann', status: 'cancelled', version: 2 }),
  ];
  await produce(...events);
  assert.deepEqual((await stream.received(2)).toSorted(), ids([events[0]!, events[3]!]).toSorted());

  const refused = await recordConsume(t, app.urls.grpc, { subscription }).ended;
  assert.equal(refused.code, Status.FAILED_PRECONDITION);
  assert.equal(decodeErrorDetails(refused.trailer).info?.reason, 'SUBSCRIPTION_FILTER_DIFFERS');
  const same = { customerIds: ['ann'], statuses: [OrderStatus.CANCELLED, OrderStatus.SHIPPED] };
  const second = recordConsume(t, app.urls.grpc, { subscription, filter: same });
  await Promise.all([stream.hasPartitions(6), second.hasPartitions(6)]);
});

test('the filter of a subscription is changed without losing its place, and the streams of before are refused', async (t) => {
  const subscription = randomUUID();
  const { app, produce } = await startGateway(t);
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  const [before, after] = [{ customerIds: ['ann'] }, { customerIds: ['ann', 'bob'] }];
  const events = ['ann', 'bob', 'ann'].map((customerId) => orderEvent({ customerId }));
  const old = recordConsume(t, app.urls.grpc, { subscription, filter: before, maxUnacknowledgedEvents: 1 });
  await old.hasPartitions(12);
  await produce(events[0]!);
  await old.received(1);
  old.acknowledge();
  await old.signal('acknowledged');
  const change = () => client.seekSubscription({ name: subscription, filter: after });
  await assert.rejects(change, /has members/);
  await old.cancel();
  await produce(events[1]!, events[2]!);

  await eventually(change);
  const { reason } = decodeErrorDetails(
    (await recordConsume(t, app.urls.grpc, { subscription, filter: before }).ended).trailer,
  ).info!;
  assert.equal(reason, 'SUBSCRIPTION_FILTER_DIFFERS');
  const fresh = recordConsume(t, app.urls.grpc, { subscription, filter: after });
  await eventuallyAll([fresh], ids([events[1]!, events[2]!]));
});

test('signals need no acknowledgement: one of events is enough, and the token of a signal stands for all events before it', async (t) => {
  const subscription = randomUUID();
  const { app, produce } = await startGateway(t);
  const open = { subscription, heartbeatInterval: { seconds: 1n }, maxUnacknowledgedEvents: 1 };
  const stream = recordConsume(t, app.urls.grpc, open);
  await stream.hasPartitions(12);
  await produce(orderEvent(), orderEvent(), orderEvent());
  for (const count of [1, 2]) {
    await stream.received(count);
    stream.acknowledge(stream.messages.findLast(({ events }) => events.length > 0));
  }
  await stream.received(3);
  const heartbeat = await stream.signal('heartbeat', stream.messages.length);
  stream.acknowledge(heartbeat);
  await eventually(() =>
    assert.deepEqual(stream.messages.at(-1)?.signal, {
      $case: 'acknowledged',
      value: { ackToken: heartbeat.ackToken },
    }),
  );
  await stream.cancel();
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  const { subscription: stored } = await client.getSubscription({ name: subscription });
  assert.equal(stored?.backlogEvents, 0n);
});

test('a new subscription starts where its first stream says, and later ones where it stands', async (t) => {
  const subscription = randomUUID();
  const { app, produce, watch } = await startGateway(t);
  const [old, fresh] = [orderEvent(), orderEvent()];
  await produce(old);
  const watched = watch({ start: { position: { $case: 'earliest', value: true } } });
  await watched.events(1);
  const start = { position: { $case: 'resumeToken', value: watched.token() } } as const;
  const fromToken = recordConsume(t, app.urls.grpc, { subscription: `${subscription}-token`, start });
  await fromToken.hasPartitions(12);
  const latest = { position: { $case: 'latest', value: true } } as const;
  const fromLatest = recordConsume(t, app.urls.grpc, {
    subscription: `${subscription}-latest`,
    start: latest,
  });
  await fromLatest.hasPartitions(12);
  await produce(fresh);
  for (const stream of [fromToken, fromLatest]) {
    assert.deepEqual(await stream.received(1), [fresh.eventId]);
    await stream.cancel();
  }
  const again = recordConsume(t, app.urls.grpc, { subscription: `${subscription}-latest`, start: latest });
  assert.deepEqual(await again.received(1), [fresh.eventId]);
  const fromEarliest = recordConsume(t, app.urls.grpc, { subscription: `${subscription}-earliest` });
  await eventuallyAll([fromEarliest], ids([old, fresh]));
});

test('many streams that begin a subscription at once begin it once, with one filter', async (t) => {
  const subscription = randomUUID();
  const { app, produce } = await startGateway(t);
  await produce(...Array.from({ length: 48 }, () => orderEvent()));
  const filters = [undefined, { statuses: [OrderStatus.PENDING] }];
  const streams = filters.flatMap((filter) =>
    Array.from({ length: 3 }, () =>
      recordConsume(t, app.urls.grpc, { subscription, ...(filter ? { filter } : {}) }),
    ),
  );
  for (const stream of streams) stream.acknowledgeAll();
  const refused = await Promise.all(streams.map((stream) => endsWithin(stream, 6_000)));
  const kept = streams.filter((_, index) => !refused[index]);
  assert.ok(
    kept.length === 3 && (kept[0] === streams[0] || kept[0] === streams[3]),
    `${kept.length} are left`,
  );
  for (const end of refused) if (end) assert.equal(end.code, Status.FAILED_PRECONDITION);
  for (const stream of kept) await stream.hasPartitions(4);
});

/** Events of orders in partitions of the stream, so many. */
function eventsOf(stream: ConsumeRecording, count: number) {
  const events: ReturnType<typeof orderEvent>[] = [];
  while (events.length < count) {
    const event = orderEvent();
    if (stream.partitions()?.includes(keyHash(event.order.orderId) % 12)) events.push(event);
  }
  return events;
}

async function endsWithin(stream: ConsumeRecording, ms: number): Promise<StreamEnd | undefined> {
  return (await settleWithin(stream.ended, ms)) ? stream.ended : undefined;
}

/** Each of the events has come to one of the streams, and once. */
async function eventuallyAll(streams: readonly ConsumeRecording[], expected: string[]): Promise<void> {
  await eventually(() =>
    assert.deepEqual(streams.flatMap((stream) => stream.eventIds()).toSorted(), expected.toSorted()),
  );
}
