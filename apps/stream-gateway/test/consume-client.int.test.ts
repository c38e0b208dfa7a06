import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import {
  type ConsumedBatch,
  consumeOrders,
  type ConsumeOrdersOptions,
  type OrderEvent,
  OrderStatus,
  OrderStreamError,
} from '@order-events/order-stream';
import fc from 'fast-check';
import { eventually, startApp } from '../../../test/harness/index.ts';
import { startCuttingProxy } from '../testing/cutting-proxy.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';

const STATUSES = ['pending', 'confirmed', 'cancelled'] as const;
const QUICK = { minRetryDelayMs: 1, maxRetryDelayMs: 20 };

/** Event ids by partition: between partitions there is no order. */
function byPartition(events: readonly OrderEvent[]): Record<number, string[]> {
  const ids: Record<number, string[]> = {};
  for (const { partition, eventId } of events) (ids[partition] ??= []).push(eventId);
  return ids;
}

const idsOf = (events: readonly OrderEvent[]) => events.map(({ eventId }) => eventId);

/** Consumes until the test is over, or `stop`; `handle` answers whether the batch is acknowledged. */
function startConsumer(
  t: TestContext,
  options: ConsumeOrdersOptions,
  handle: (batch: ConsumedBatch) => boolean = () => true,
) {
  const stopping = new AbortController();
  const events: OrderEvent[] = [];
  let partitions: readonly number[] = [];
  const running = (async () => {
    for await (const batch of consumeOrders({ ...QUICK, ...options, signal: stopping.signal })) {
      if (batch.signal?.$case === 'assignmentChanged') partitions = batch.signal.value.partitions;
      events.push(...batch.events);
      if (handle(batch)) batch.acknowledge();
    }
  })();
  const stop = async () => {
    stopping.abort();
    await running;
  };
  t.after(stop);
  return { events, partitions: () => partitions, stop };
}

test('a connection that is cut anywhere changes nothing in what a consumer is given', async (t) => {
  const gateway = await startGateway(t);
  const events = Array.from({ length: 120 }, (_, index) => orderEvent({ status: STATUSES[index % 3]! }));
  await gateway.produce(...events);
  const filter = { statuses: [OrderStatus.CONFIRMED, OrderStatus.CANCELLED] };
  const whole = startConsumer(t, { address: gateway.app.urls.grpc, subscription: randomUUID(), filter });
  await eventually(() => assert.equal(whole.events.length, 80));
  await whole.stop();

  let cuts: number[] = [];
  const address = await startCuttingProxy(t, gateway.app.urls.grpc, () => cuts.shift() ?? Infinity);
  let interruptions = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 100, max: 8_000 }), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 20 }),
      async (cutsGiven, maxBatchSize) => {
        cuts = [...cutsGiven];
        const given: OrderEvent[] = [];
        const batches = consumeOrders({
          ...{ address, subscription: randomUUID(), filter, maxBatchSize, ...QUICK },
          onInterruption: () => (interruptions += 1),
        });
        for await (const batch of batches) {
          given.push(...batch.events);
          batch.acknowledge();
          if (given.length >= 80) break;
        }
        assert.deepEqual(byPartition(given), byPartition(whole.events));
      },
    ),
    { numRuns: 8 },
  );
  assert.ok(interruptions >= 8, `${interruptions} cuts`);
});

test('two consumers share the orders; what one has not acknowledged when it leaves goes to the other', async (t) => {
  const gateway = await startGateway(t);
  const options = { address: gateway.app.urls.grpc, subscription: 'shared' };
  const idle = startConsumer(t, options, () => false);
  const busy = startConsumer(t, options);
  await eventually(() => {
    const both = [...idle.partitions(), ...busy.partitions()];
    assert.deepEqual(
      both.sort((a, b) => a - b),
      Array.from({ length: 12 }, (_, partition) => partition),
    );
    assert.ok(idle.partitions().length > 0 && busy.partitions().length > 0);
  });
  const events = Array.from({ length: 60 }, () => orderEvent());
  await gateway.produce(...events);
  await eventually(() => assert.equal(idle.events.length + busy.events.length, events.length));
  assert.ok(idle.events.length > 0);
  await idle.stop();
  await eventually(() => assert.equal(busy.events.length, events.length));
  assert.deepEqual(idsOf(busy.events).sort(), events.map(({ eventId }) => eventId).sort());
});

test('what was acknowledged last before a consumer leaves is not given to the next one', async (t) => {
  const gateway = await startGateway(t);
  const options = { address: gateway.app.urls.grpc, subscription: 'left', ...QUICK };
  const events = Array.from({ length: 30 }, () => orderEvent());
  await gateway.produce(...events.slice(0, 20));
  const first: OrderEvent[] = [];
  for await (const batch of consumeOrders({ ...options, maxBatchSize: 5 })) {
    first.push(...batch.events);
    batch.acknowledge();
    if (first.length >= 10) break;
  }
  await gateway.produce(...events.slice(20));
  const next = startConsumer(t, options);
  const rest = events.length - first.length;
  await eventually(() => assert.equal(next.events.length, rest));
  const all = [...idsOf(first), ...idsOf(next.events)];
  assert.deepEqual(all.sort(), events.map(({ eventId }) => eventId).sort());
});

test('a gateway that is frozen is left for another one, and nothing is missed', async (t) => {
  const gateway = await startGateway(t, { GATEWAY_CONSUMER_SESSION_MS: '6000' });
  const other = await startApp(t, 'stream-gateway', gateway.settings);
  let address = gateway.app.urls.grpc;
  const causes: unknown[] = [];
  const consumer = startConsumer(t, {
    ...{ address: () => address, subscription: 'frozen', heartbeatIntervalMs: 1_000 },
    onInterruption: (cause) => causes.push(cause),
  });
  const first = orderEvent();
  await gateway.produce(first);
  await eventually(() => assert.deepEqual(idsOf(consumer.events), [first.eventId]));

  gateway.app.kill('SIGSTOP');
  address = other.urls.grpc;
  const second = orderEvent();
  await gateway.produce(second);
  await eventually(() => assert.deepEqual(idsOf(consumer.events), [first.eventId, second.eventId]));
  assert.match(String(causes[0]), /silent for 3000 ms/);
});

test('a gateway that stops hands its consumers over, and nothing is missed', async (t) => {
  const gateway = await startGateway(t);
  const other = await startApp(t, 'stream-gateway', gateway.settings);
  const subscription = 'handed-over';
  let address = gateway.app.urls.grpc;
  const causes: unknown[] = [];
  const moving = startConsumer(t, {
    ...{ address: () => address, subscription },
    onInterruption: (cause) => causes.push(cause),
  });
  const staying = startConsumer(t, { address: other.urls.grpc, subscription });
  await eventually(() => {
    assert.ok(moving.partitions().length > 0 && staying.partitions().length > 0);
  });
  const events = Array.from({ length: 120 }, () => orderEvent());
  await gateway.produce(...events.slice(0, 40));
  address = other.urls.grpc;
  gateway.app.kill('SIGTERM');
  await gateway.produce(...events.slice(40, 80));
  assert.deepEqual(await gateway.app.exited, { code: 0, signal: null });
  await gateway.produce(...events.slice(80));
  const given = () => [...idsOf(moving.events), ...idsOf(staying.events)];
  const expected = new Set(events.map(({ eventId }) => eventId));
  await eventually(() => assert.deepEqual(new Set(given()), expected));
  t.diagnostic(`${given().length - expected.size} of ${expected.size} events came twice`);
  assert.match(String(causes[0]), /the server drains/);
});

test('a consumer with another filter than the subscription has is refused', async (t) => {
  const gateway = await startGateway(t);
  const options = { address: gateway.app.urls.grpc, subscription: 'filtered' };
  const event = orderEvent({ status: 'confirmed', version: 2 });
  await gateway.produce(event);
  const consumer = startConsumer(t, { ...options, filter: { statuses: [OrderStatus.CONFIRMED] } });
  await eventually(() => assert.deepEqual(idsOf(consumer.events), [event.eventId]));
  const refusal = await (async () => {
    for await (const _ of consumeOrders({ ...options, signal: AbortSignal.timeout(30_000) }));
  })().catch((error: unknown) => error);
  assert.ok(refusal instanceof OrderStreamError, String(refusal));
  assert.equal(refusal.reason, 'SUBSCRIPTION_FILTER_DIFFERS');
});
