import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ensureHeldTopic } from '@order-events/messaging';
import {
  type ConsumeOrdersResponse,
  handleOrders,
  OrderStreamAdminServiceDefinition,
  type OrderEvent,
  RejectOutcome,
  Retry,
  toDuration,
} from '@order-events/order-stream';
import { createChannel, createClient } from 'nice-grpc';
import { eventually, startApp } from '../../../test/harness/index.ts';
import { type ConsumeRecording, recordConsume } from '../testing/consume-recorder.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';

/** So many crossings at once, each in a subscription of its own and a little later than the one before. */
const CROSSINGS = 8;
/** Of those that a gateway freezes with, so many are stored and told before; what becomes of the others is open. */
const STORED_BEFORE = 2;
const PATIENCE = { patienceMs: 120_000 };
/** It does not come again by itself. */
const LATE_POLICY = { firstDelay: toDuration(3_600_000) };

async function startWithHeldTopic(t: TestContext) {
  const gateway = await startGateway(t, { GATEWAY_CONSUMER_SESSION_MS: '6000' });
  const { brokers, topic } = gateway;
  const settings = { topic, partitions: 12, replicationFactor: 1 };
  await ensureHeldTopic({ brokers, clientId: 'test' }, settings, AbortSignal.timeout(30_000));
  return gateway;
}

const crossings = <T>(of: (subscription: string, index: number) => T): T[] =>
  Array.from({ length: CROSSINGS }, (_, index) => of(randomUUID(), index));

type Decision =
  { $case: 'setAside'; value: true } | { $case: 'retryDelay'; value: { seconds: bigint; nanos: number } };

function sendRejection(stream: ConsumeRecording, { eventId }: OrderEvent, decision: Decision): void {
  stream.send({ request: { $case: 'reject', value: { eventId, reason: 'of the first one', decision } } });
}

/** What the stream was told of its rejections, by the event. */
function outcomes({ messages }: ConsumeRecording): Map<string, RejectOutcome> {
  const told = messages.flatMap(({ signal }: ConsumeOrdersResponse) =>
    signal?.$case === 'rejected' ? [signal.value] : [],
  );
  return new Map(told.map(({ eventId, outcome }) => [eventId, outcome]));
}

/** Takes part until the test is over, and hands on what it is given. */
function handle(
  t: TestContext,
  address: string,
  subscription: string,
  onEvent: (event: OrderEvent) => void,
): void {
  const leaving = new AbortController();
  const handling = handleOrders({
    ...{ address, subscription, signal: leaving.signal, handle: onEvent, maxRetryDelayMs: 1_000 },
    rejectPolicy: { firstDelayMs: 2_000 },
  });
  t.after(async () => {
    leaving.abort();
    await handling;
  });
}

/** Versions of an order in the order in which they were handled for the first time. */
const firstHandled = (events: readonly OrderEvent[], orderId: string) => [
  ...new Set(
    events.filter((event) => event.orderId === orderId).map(({ orderVersion }) => Number(orderVersion)),
  ),
];

test('rejections and acknowledgements that cross a rebalance lose nothing, and nothing overtakes', async (t) => {
  const { app, produce } = await startWithHeldTopic(t);
  const address = app.urls.grpc;
  const orderIds = Array.from({ length: 24 }, (): string => randomUUID());
  const [rejectedIds, lateIds] = [orderIds.slice(0, 12), orderIds.slice(12)];
  const produceVersion = (version: number) =>
    produce(...orderIds.map((orderId) => orderEvent({ orderId, version })));
  await produceVersion(1);
  await produceVersion(2);
  const tries = crossings((subscription, index) => ({
    ...{ subscription, index, handled: [] as OrderEvent[] },
    stream: recordConsume(t, address, { subscription, rejectPolicy: LATE_POLICY }),
  }));
  await Promise.all(tries.map(({ stream }) => stream.received(48)));

  await Promise.all(
    tries.map(async ({ subscription, index, stream, handled }) => {
      const sent = stream.events();
      const firstOf = (orderId: string) =>
        sent.find((event) => event.orderId === orderId && event.orderVersion === 1n)!;
      const join = () => handle(t, address, subscription, (event) => void handled.push(event));
      const leadMs = (CROSSINGS / 2 - index) * 60;
      if (leadMs <= 0) {
        join();
        await pause(-leadMs);
      }
      for (const orderId of rejectedIds) {
        sendRejection(stream, firstOf(orderId), { $case: 'retryDelay', value: toDuration(300) });
      }
      // What comes behind the messages that were there is handled from here on; of them, what is not rejected.
      const from = stream.messages.length;
      handled.push(...sent.filter(({ orderId }) => lateIds.includes(orderId)));
      stream.acknowledge();
      if (index === 0) await stream.signal('rejected');
      if (leadMs > 0) {
        await pause(leadMs);
        join();
      }
      for (const orderId of lateIds)
        sendRejection(stream, firstOf(orderId), { $case: 'setAside', value: true });
      await eventually(() => assert.equal(outcomes(stream).size, 24), PATIENCE);
      for (const orderId of lateIds) {
        assert.equal(outcomes(stream).get(firstOf(orderId).eventId), RejectOutcome.NOT_OUTSTANDING);
      }
      let taken = from;
      const taking = setInterval(() => {
        for (; taken < stream.messages.length; taken += 1)
          handled.push(...(stream.messages[taken]?.events ?? []));
        stream.acknowledge();
      }, 20);
      t.after(() => clearInterval(taking));
    }),
  );
  await produceVersion(3);
  await eventually(() => {
    for (const { handled } of tries) {
      for (const orderId of orderIds) assert.deepEqual(firstHandled(handled, orderId), [1, 2, 3]);
    }
  }, PATIENCE);
  const kept = tries
    .flatMap(({ stream }) => [...outcomes(stream).values()])
    .filter((each) => each === RejectOutcome.RETRY);
  assert.ok(kept.length > 0, 'none was stored');
  t.diagnostic(`${kept.length} of ${CROSSINGS * 12} rejections were stored`);
});

test('of two rejections of one event in two streams, that of a gateway that was frozen meanwhile changes nothing', async (t) => {
  const { app, settings, produce } = await startWithHeldTopic(t);
  const second = await startApp(t, 'stream-gateway', settings);
  const tries = crossings((subscription) => ({
    ...{ subscription, handled: [] as OrderEvent[], attempts: new Set<number>() },
    stream: recordConsume(t, app.urls.grpc, { subscription, rejectPolicy: LATE_POLICY }),
  }));
  const orderId = randomUUID();
  await produce(...[1, 2, 3].map((version) => orderEvent({ orderId, version })));
  await Promise.all(tries.map(({ stream }) => stream.received(3)));
  for (const [index, { stream }] of tries.entries()) {
    sendRejection(stream, stream.events()[0]!, { $case: 'setAside', value: true });
    if (index < STORED_BEFORE) await stream.signal('rejected');
    else await pause(4);
  }
  app.kill('SIGSTOP');
  t.after(() => app.kill('SIGCONT'));

  for (const { subscription, handled, attempts } of tries) {
    handle(t, second.urls.grpc, subscription, (event) => {
      if (event.orderVersion === 1n) attempts.add(event.attempt);
      if (event.orderVersion === 1n && event.attempt === 0) throw new Retry('of the second one');
      handled.push(event);
    });
  }
  const channel = createChannel(second.urls.adminGrpc);
  t.after(() => channel.close());
  const operators = createClient(OrderStreamAdminServiceDefinition, channel);
  const held = async (subscription: string) => (await operators.listHeldOrders({ subscription })).orders[0];
  const before = await Promise.all(
    tries.map(({ subscription }) =>
      eventually(async () => (await held(subscription)) ?? assert.fail('nothing is held'), PATIENCE),
    ),
  );
  app.kill('SIGCONT');
  await Promise.all(
    tries.map(async ({ subscription, handled, attempts, stream }, index) => {
      // It takes part again, and would be given the order again.
      await Promise.race([stream.ended, eventually(() => assert.equal(outcomes(stream).size, 1), PATIENCE)]);
      await stream.cancel();
      const isOfFirst = before[index]?.setAside === true;
      if (isOfFirst) await operators.requeueHeldOrders({ subscription, orderId });
      await eventually(() => assert.deepEqual(firstHandled(handled, orderId), [1, 2, 3]), PATIENCE);
      assert.deepEqual([...attempts], isOfFirst ? [2] : [0, 2]);
      await eventually(async () => assert.equal(await held(subscription), undefined), PATIENCE);
      const told = [...outcomes(stream).values()];
      if (!isOfFirst) assert.ok(!told.includes(RejectOutcome.SET_ASIDE), 'told to be stored, and is not');
    }),
  );
  const ofFirst = before.filter(({ setAside }) => setAside).length;
  assert.ok(ofFirst >= STORED_BEFORE, `${ofFirst} of those that were told to be stored are`);
  t.diagnostic(`${ofFirst} rejections were stored before the gateway froze, ${CROSSINGS - ofFirst} were not`);
});
