import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import { createConsumerGroups, keyHash } from '@order-events/messaging';
import { createOrderStreamClient, decodeErrorDetails, OrderStatus } from '@order-events/order-stream';
import { Status } from 'nice-grpc-common';
import { recordMember } from '../../../packages/messaging/testing/recorded-member.ts';
import { eventually } from '../../../test/harness/index.ts';
import { recordConsume } from '../testing/consume-recorder.ts';
import { startForeignConsumer } from '../testing/foreign-consumer.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';
import { failureOf, seek } from '../testing/subscription-calls.ts';
import { filterMetadata } from '../src/subscription/subscription-filter.ts';
import { olderGroupId, subscriptionGroupId } from '../src/subscription/subscription-name.ts';
import { createEventFilter } from '../src/log/event-filter.ts';

const ALL = { statuses: [], orderIds: [], customerIds: [], eventTypes: [] };
const THIRTY = () => Array.from({ length: 30 }, () => orderEvent());

/** A gateway on a topic of its own, with a client, and the groups of the topic. */
async function setUp(t: TestContext) {
  const gateway = await startGateway(t);
  const { client, close } = createOrderStreamClient(gateway.app.urls.grpc);
  t.after(close);
  const groups = createConsumerGroups({ brokers: gateway.brokers, topic: gateway.topic, clientId: 'older' });
  t.after(() => groups.close());
  const consume = (subscription: string, filter?: { statuses: OrderStatus[] }) =>
    recordConsume(t, gateway.app.urls.grpc, { subscription, ...(filter ? { filter } : {}) });
  return { ...gateway, client, groups, consume };
}

test('two topics of a cluster have subscriptions of one name: each its events, its position and its end', async (t) => {
  const [one, other] = [await setUp(t), await setUp(t)];
  const name = randomUUID();
  const streams = await Promise.all(
    [one, other].map(async ({ consume, produce }) => {
      const stream = consume(name);
      stream.acknowledgeAll();
      await stream.hasPartitions(12);
      await produce(...THIRTY());
      return stream;
    }),
  );
  for (const stream of streams) await stream.received(30);
  const behind = async ({ client }: typeof one) =>
    (await client.getSubscription({ name })).subscription?.backlogEvents;
  for (const each of [one, other]) await eventually(async () => assert.equal(await behind(each), 0n));
  await Promise.all(streams.map((stream) => stream.cancel()));

  await eventually(() => seek(other.client, name, { $case: 'earliest', value: true }));
  assert.deepEqual([await behind(one), await behind(other)], [0n, 30n]);
  await other.client.deleteSubscription({ name });
  assert.deepEqual((await other.client.listSubscriptions({})).subscriptions, []);
  const listed = await one.client.listSubscriptions({});
  assert.deepEqual(
    listed.subscriptions.map((each) => [each.name, each.backlogEvents]),
    [[name, 0n]],
  );
});

test('a consumer of another kind in the group of a subscription is named to clients and operators', async (t) => {
  const { app, client, brokers, topic, consume } = await setUp(t);
  const name = randomUUID();
  const groupId = subscriptionGroupId(topic, name);
  const foreign = await startForeignConsumer(t, { brokers, topic, groupId });
  const { code, message, trailer } = await consume(name).ended;
  assert.equal(code, Status.FAILED_PRECONDITION);
  assert.equal(decodeErrorDetails(trailer).info?.reason, 'SUBSCRIPTION_HAS_FOREIGN_MEMBERS');
  assert.match(message, /stranger at \/?127\.0\.0\.1/);
  const lines = () => app.logs().map((line) => JSON.stringify(line));
  await eventually(() => assert.ok(lines().some((line) => line.includes('foreign members: stranger at'))));
  // A gateway lets streams join before it reads the log, and answers this call only then.
  await eventually(async () => {
    const { why } = await failureOf((options) => client.deleteSubscription({ name }, options));
    assert.equal(why, 'SUBSCRIPTION_HAS_FOREIGN_MEMBERS');
  });
  await foreign.disconnect();
  await consume(name).hasPartitions(12);
});

test('a subscription goes on where older gateways have left it, once the last of their streams has ended', async (t) => {
  const { produce, groups, consume } = await setUp(t);
  const name = randomUUID();
  const filter = { statuses: [OrderStatus.PENDING] };
  const metadata = filterMetadata(createEventFilter({ ...ALL, ...filter }));
  const events = THIRTY();
  await produce(...events);
  const older = recordMember(t, groups, { groupId: olderGroupId(name) });
  await older.hasPartitions(12);
  await older.commitStart(new Map(Array.from({ length: 12 }, (_, partition) => [partition, 0n])), metadata);
  const { code } = await consume(name).ended;
  assert.equal(code, Status.FAILED_PRECONDITION, 'the filter is checked at once');
  const stream = consume(name, filter);
  await stream.signal('started');
  // What the client of the older gateway still handles and acknowledges.
  const handled = keyHash(events[0]!.order.orderId) % 12;
  await older.commit(new Map([[handled, 1n]]), metadata);
  assert.deepEqual(stream.partitions() ?? [], []);
  await older.stop();

  await stream.hasPartitions(12);
  const received = await stream.received(29);
  assert.equal(new Set(received).size, 29);
  const left = stream.events().filter(({ partition }) => partition === handled);
  assert.ok(left.every(({ offset }) => offset >= 1n));
});
