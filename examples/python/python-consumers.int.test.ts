import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ensureHeldTopic } from '@order-events/messaging';
import { OrderStreamAdminServiceDefinition } from '@order-events/order-stream';
import { createChannel, createClient } from 'nice-grpc';
import { startGateway, type TestGateway } from '../../apps/stream-gateway/testing/gateway-app.ts';
import { orderEvent } from '../../apps/stream-gateway/testing/order-events.ts';
import { JOINED, startScriptedConsumers } from '../../packages/order-stream/testing/scripted-gateway.ts';
import { eventually } from '../../test/harness/index.ts';
import { createTestFolder } from '../../test/harness/test-folder.ts';
import { startPython } from './testing/python-client.ts';

interface Handled {
  readonly order_id: string;
  readonly order_version: number;
  readonly attempt: number;
}

type Plan = Readonly<
  Record<string, readonly ['retry' | 'fail' | 'reject', number] | readonly ['wait', string]>
>;

function startConsumer(t: TestContext, address: string, subscription: string, plan: Plan) {
  return startPython<Handled>(t, 'testing/troubled_consumer.py', [
    address,
    subscription,
    JSON.stringify(plan),
  ]);
}

const inOrder = (handled: readonly Handled[], orderId: string) =>
  handled.filter(({ order_id }) => order_id === orderId).map((each) => [each.order_version, each.attempt]);

async function heldOrders(t: TestContext, { app }: TestGateway, subscription: string) {
  const channel = createChannel(app.urls.adminGrpc);
  t.after(() => channel.close());
  const client = createClient(OrderStreamAdminServiceDefinition, channel);
  return async () => {
    const { orders } = await client.listHeldOrders({ subscription });
    return orders.map(({ orderId, setAside, reason }) => [orderId, setAside, reason]);
  };
}

test('what a handler in Python raises holds up its order only: it comes again, in order, or is set aside', async (t) => {
  const gateway = await startGateway(t);
  const { brokers, topic, produce } = gateway;
  const held = { topic, partitions: 12, replicationFactor: 1 };
  await ensureHeldTopic({ brokers, clientId: 'test' }, held, AbortSignal.timeout(30_000));
  const subscription = randomUUID();
  const [late, faulty, bad] = [randomUUID(), randomUUID(), randomUUID()];
  const good = Array.from({ length: 6 }, () => randomUUID());
  const plan: Plan = {
    [`${late}.2`]: ['retry', 2],
    [`${faulty}.2`]: ['fail', 1],
    [`${bad}.2`]: ['reject', 1],
  };
  const first = await startConsumer(t, gateway.app.urls.grpc, subscription, plan);
  for (const version of [1, 2, 3]) {
    await produce(...[late, faulty, bad, ...good].map((orderId) => orderEvent({ orderId, version })));
  }
  const once = [1, 2, 3].map((version) => [version, 0]);
  await eventually(() => {
    for (const orderId of good) assert.deepEqual(inOrder(first.shown, orderId), once);
    assert.deepEqual(inOrder(first.shown, late), [...once.slice(0, 2), [2, 2], [2, 3], [3, 0]]);
    assert.deepEqual(inOrder(first.shown, faulty), [...once.slice(0, 2), [2, 2], [3, 0]]);
  });
  assert.deepEqual(inOrder(first.shown, bad), once.slice(0, 2));
  const listHeld = await heldOrders(t, gateway, subscription);
  await eventually(async () => assert.deepEqual(await listHeld(), [[bad, true, 'unknown article']]));

  // What it has handled is stored when it is told to stop, so that the next one is sent the rest alone.
  first.stop();
  assert.deepEqual((await first.ended).code, 0, (await first.ended).stderr);
  const second = await startConsumer(t, gateway.app.urls.grpc, subscription, {});
  const [next] = [good[0] ?? ''];
  await produce(orderEvent({ orderId: next, version: 4 }), orderEvent({ orderId: bad, version: 4 }));
  await eventually(() => assert.deepEqual(inOrder(second.shown, next), [[4, 0]]));
  await eventually(async () => assert.deepEqual(await listHeld(), [[bad, true, 'unknown article']]));
  assert.equal(second.shown.length, 1);
});

test('a consumer in Python acknowledges what is contiguous, and begins nothing of a share that went to another one', async (t) => {
  const file = join(await createTestFolder(), 'go-on');
  const tokens: string[] = [];
  const sent = (name: string, partition: number) => ({
    ...{
      eventId: name,
      orderId: name.split('.')[0] ?? '',
      orderVersion: BigInt(name.split('.')[1] ?? 0),
      partition,
    },
  });
  const { address } = await startScriptedConsumers(t, async function* (open, { acknowledgements }) {
    assert.equal(open.rejectPolicy?.maxAttempts, 5);
    yield JOINED();
    yield { signal: { $case: 'assignmentChanged', value: { partitions: [0, 1] } } };
    yield { ackToken: '1', events: [sent('a.1', 0), sent('a.2', 0), sent('b.1', 1), sent('b.2', 1)] };
    yield { ackToken: '2', events: [sent('c.1', 1)] };
    yield { signal: { $case: 'assignmentChanged', value: { partitions: [] } } };
    yield { signal: { $case: 'assignmentChanged', value: { partitions: [0] } } };
    await eventually(() => assert.equal(running(), 3));
    await writeFile(file, '');
    for await (const token of { [Symbol.asyncIterator]: () => acknowledgements }) {
      tokens.push(token);
      yield { signal: { $case: 'acknowledged', value: { ackToken: token } } };
      if (token === '2') yield { ackToken: '3', events: [sent('a.3', 0)] };
    }
  });
  const plan: Plan = { 'a.1': ['wait', file], 'b.1': ['wait', file], 'c.1': ['wait', file] };
  const { shown, stop, ended } = await startConsumer(t, address, 'test', plan);
  const running = () => shown.length;
  await eventually(() => assert.equal(tokens.at(-1), '3'));
  stop();
  assert.equal((await ended).code, 0);
  const names = shown.map(({ order_id, order_version }) => `${order_id}.${order_version}`);
  assert.deepEqual(names.toSorted(), ['a.1', 'a.2', 'a.3', 'b.1', 'c.1']);
  assert.ok(!tokens.includes('1'), `what was behind it is open: ${tokens.join()}`);
});
