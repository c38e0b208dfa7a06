import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import {
  createOrderStreamClient,
  decodeErrorDetails,
  ListWatchersResponse,
  OrderFilter,
  OrderStatus,
  OrderStreamAdminServiceDefinition,
  RESUME_TOKEN_TRAILER,
  type Watcher,
  type WatchOrdersResponse,
} from '@order-events/order-stream';
import { createChannel, createClient } from 'nice-grpc';
import { Metadata, Status } from 'nice-grpc-common';
import { findReflectingClient } from '../../../test/harness/find-reflecting-client.ts';
import { eventually } from '../../../test/harness/index.ts';
import { recordConsume } from '../testing/consume-recorder.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';
import { openRawWatch } from '../testing/raw-watch.ts';

const SERVICE = 'orders.v1.OrderStreamAdminService';

function createAdminClient(t: TestContext, address: string) {
  const channel = createChannel(address);
  t.after(() => channel.close());
  return createClient(OrderStreamAdminServiceDefinition, channel);
}

test('an operator sees what each stream asked for, where it stands, and since when its client takes nothing', async (t) => {
  const { app, watch, produce } = await startGateway(t);
  const admin = createAdminClient(t, app.urls.adminGrpc);
  const beforeMs = Date.now();
  const healthy = watch({ filter: { statuses: [OrderStatus.SHIPPED], customerIds: ['customer-7'] } });
  const { signal } = await healthy.signal('started');
  const watcherId = signal?.$case === 'started' ? signal.value.watcherId : '';
  await healthy.signal('caughtUp');
  const blockedFromMs = Date.now();
  openRawWatch(t, app.urls.grpc);
  const shipped = { status: 'shipped', version: 4, customerId: 'customer-7' } as const;
  await produce(orderEvent(), orderEvent(shipped), orderEvent(shipped));
  await healthy.events(2);

  const { watchers, nextPageToken } = await eventually(async () => {
    const answer = await admin.listWatchers({});
    assert.ok(answer.watchers.some(({ blockedSinceTime }) => blockedSinceTime));
    return answer;
  });
  assert.equal(nextPageToken, '');
  const [first, blocked, ...more] = watchers;
  assert.deepEqual(more, []);
  const { peer, startTime, ...known } = first!;
  assert.match(peer, /^127\.0\.0\.1:\d+$/);
  assert.ok(startTime && startTime.getTime() >= beforeMs && startTime.getTime() <= blockedFromMs);
  assert.deepEqual(known, {
    watcherId,
    principal: '',
    subscription: '',
    filter: OrderFilter.fromPartial({ statuses: [OrderStatus.SHIPPED], customerIds: ['customer-7'] }),
    backlogEvents: 0n,
    deliveredEvents: 2n,
    blockedSinceTime: undefined,
    unacknowledgedEvents: 0n,
    oldestUnacknowledgedSendTime: undefined,
  } satisfies Omit<Watcher, 'peer' | 'startTime'>);
  const sinceMs = blocked?.blockedSinceTime?.getTime() ?? 0;
  assert.ok(sinceMs >= blockedFromMs - 100 && sinceMs <= Date.now() - 1_000 + 100, String(sinceMs));
});

test('a page has no more bytes than a client takes, however large the filters are', async (t) => {
  const { app, watch } = await startGateway(t);
  const admin = createAdminClient(t, app.urls.adminGrpc);
  const streams = 16;
  const values = (axis: string) =>
    Array.from({ length: 1_000 }, (_, index) => `${axis}${index}`.padEnd(200, '-'));
  for (let opened = 0; opened < streams; opened += 1) {
    await watch({ filter: { orderIds: values(`o${opened}`), customerIds: values(`c${opened}`) } }).signal(
      'started',
    );
  }
  const seen: string[] = [];
  let pages = 0;
  for (let pageToken: string | undefined; pageToken !== ''; pages += 1) {
    const page = await admin.listWatchers({ pageSize: 1_000, pageToken: pageToken ?? '' });
    assert.ok(ListWatchersResponse.encode(page).finish().length < 2 * 1024 * 1024);
    seen.push(...page.watchers.map(({ watcherId }) => watcherId));
    pageToken = page.nextPageToken;
  }
  assert.ok(pages > 1);
  assert.equal(new Set(seen).size, streams);
});

test('streams are listed in pages that stay whole while streams come and go', async (t) => {
  const { app, watch } = await startGateway(t);
  const admin = createAdminClient(t, app.urls.adminGrpc);
  const streams = Array.from({ length: 5 }, () => watch());
  await Promise.all(streams.map((stream) => stream.signal('started')));
  const all = (await admin.listWatchers({})).watchers.map(({ watcherId }) => watcherId);
  assert.equal(new Set(all).size, 5);

  const first = await admin.listWatchers({ pageSize: 2 });
  await admin.closeWatcher({ watcherId: all[1]! });
  await eventually(async () => assert.equal((await admin.listWatchers({})).watchers.length, 4));
  const late = watch();
  await late.signal('started');
  const rest = await admin.listWatchers({ pageSize: 3, pageToken: first.nextPageToken });
  const last = await admin.listWatchers({ pageSize: 3, pageToken: rest.nextPageToken });
  const seen = [first, rest, last].flatMap(({ watchers }) => watchers.map(({ watcherId }) => watcherId));
  assert.deepEqual(seen.slice(0, 5), all);
  assert.equal(seen.length, 6);
  assert.equal(last.nextPageToken, '');
  await assert.rejects(admin.listWatchers({ pageToken: 'x' }), { code: Status.INVALID_ARGUMENT });
  await assert.rejects(admin.listWatchers({ pageSize: -1 }), { code: Status.INVALID_ARGUMENT });
});

test('an operator ends a stream, whether its client takes anything or not', async (t) => {
  const { app, watch, produce, metric } = await startGateway(t);
  const admin = createAdminClient(t, app.urls.adminGrpc);
  const stream = watch();
  await stream.signal('caughtUp');
  await produce(orderEvent());
  await stream.events(1);
  openRawWatch(t, app.urls.grpc);
  const watchers = await eventually(async () => {
    const answer = await admin.listWatchers({});
    assert.equal(answer.watchers.length, 2);
    return answer.watchers;
  });
  for (const { watcherId } of watchers) await admin.closeWatcher({ watcherId });
  const { code, trailer } = await stream.ended;
  assert.equal(code, Status.UNAVAILABLE);
  assert.equal(trailer.get(RESUME_TOKEN_TRAILER), stream.token());
  const { info, retryDelayMs } = decodeErrorDetails(trailer);
  assert.equal(info?.reason, 'CLOSED_BY_OPERATOR');
  assert.ok((retryDelayMs ?? 0) >= 1_000);
  await eventually(async () => assert.deepEqual((await admin.listWatchers({})).watchers, []));
  assert.equal(await metric(/^stream_ended_by_server_total\{.*reason="CLOSED_BY_OPERATOR"/), 2);

  await assert.rejects(admin.closeWatcher({ watcherId: watchers[0]!.watcherId }), { code: Status.NOT_FOUND });
});

test('tools find the service by reflection on its own port, and not on the one of the clients', async (t) => {
  const { app, watch } = await startGateway(t);
  await watch().signal('started');
  for (const version of ['v1', 'v1alpha'] as const) {
    const client = await findReflectingClient(version);
    const services = await client.listServices(app.urls.adminGrpc);
    assert.deepEqual(
      services.filter((name) => !name.startsWith('grpc.reflection.')),
      [SERVICE],
    );
    const list = client.call(app.urls.adminGrpc, `${SERVICE}/ListWatchers`, {});
    assert.equal((await list.ended).code, 'OK', client.name);
    const [answer] = list.messages as { watchers: { watcherId: string }[] }[];
    assert.equal(answer?.watchers.length, 1);
    const unknown = client.call(app.urls.adminGrpc, `${SERVICE}/CloseWatcher`, { watcherId: 'x' });
    assert.equal((await unknown.ended).code, 'NotFound', client.name);
    assert.ok(!(await client.listServices(app.urls.grpc)).includes(SERVICE));
  }
});

test('a consumer is listed by its subscription, and ends like any other stream; its work goes to the next one', async (t) => {
  const { app, produce } = await startGateway(t);
  const admin = createAdminClient(t, app.urls.adminGrpc);
  // Groups of all topics on a broker share their names.
  const name = `test.${randomUUID()}`;
  const consumer = recordConsume(t, app.urls.grpc, { subscription: name });
  await consumer.signal('started');
  const event = orderEvent();
  await produce(event);
  await consumer.received(1);
  const { watchers } = await admin.listWatchers({});
  assert.deepEqual(
    watchers.map(({ subscription, deliveredEvents }) => [subscription, deliveredEvents]),
    [[name, 1n]],
  );
  await admin.closeWatcher({ watcherId: watchers[0]!.watcherId });
  const { code, trailer } = await consumer.ended;
  assert.equal(code, Status.UNAVAILABLE);
  assert.equal(decodeErrorDetails(trailer).info?.reason, 'CLOSED_BY_OPERATOR');
  assert.equal(trailer.get(RESUME_TOKEN_TRAILER), undefined);
  const next = recordConsume(t, app.urls.grpc, { subscription: name });
  assert.deepEqual(await next.received(1), [event.eventId]);
});

test('a client cannot pass itself off as another stream by what it sends', async (t) => {
  const { app } = await startGateway(t);
  const admin = createAdminClient(t, app.urls.adminGrpc);
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  const metadata = Metadata({ 'x-order-stream-call': '1' });
  const streams = [client.watchOrders({}), client.watchOrders({}, { metadata })].map((call) =>
    call[Symbol.asyncIterator](),
  );
  const ids: string[] = [];
  for (const stream of streams) {
    const { value } = (await stream.next()) as IteratorYieldResult<WatchOrdersResponse>;
    ids.push(value.signal?.$case === 'started' ? value.signal.value.watcherId : '');
  }
  await admin.closeWatcher({ watcherId: ids[1]! });
  await assert.rejects(restOf(streams[1]!), { code: Status.UNAVAILABLE });
  const { watchers } = await admin.listWatchers({});
  assert.deepEqual(
    watchers.map(({ watcherId }) => watcherId),
    [ids[0]],
  );
  await streams[0]?.return?.();
});

async function restOf(stream: AsyncIterator<unknown>): Promise<void> {
  for (let done: boolean | undefined = false; !done;) ({ done } = await stream.next());
}
