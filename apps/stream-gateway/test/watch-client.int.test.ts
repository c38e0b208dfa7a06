import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OrderEvent, OrderStatus, watchOrders, OrderStreamError } from '@order-events/order-stream';
import fc from 'fast-check';
import { Status } from 'nice-grpc-common';
import { eventually, startApp } from '../../../test/harness/index.ts';
import { startCuttingProxy } from '../testing/cutting-proxy.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';

const STATUSES = ['pending', 'confirmed', 'cancelled'] as const;
const EARLIEST = { $case: 'earliest', value: true } as const;

/** Event ids by partition: between partitions there is no order. */
function byPartition(events: readonly OrderEvent[]): Record<number, string[]> {
  const ids: Record<number, string[]> = {};
  for (const { partition, eventId } of events) (ids[partition] ??= []).push(eventId);
  return ids;
}

test('a connection that is cut anywhere changes nothing in what a client is told', async (t) => {
  const gateway = await startGateway(t);
  const events = Array.from({ length: 240 }, (_, index) => orderEvent({ status: STATUSES[index % 3]! }));
  await gateway.produce(...events);
  const filter = { statuses: [OrderStatus.CONFIRMED, OrderStatus.CANCELLED] };
  const uninterrupted = gateway.watch({ filter, start: { position: EARLIEST } });
  await uninterrupted.events(160);
  const whole = byPartition(uninterrupted.messages.flatMap((message) => message.events));

  let cuts: number[] = [];
  const address = await startCuttingProxy(t, gateway.app.urls.grpc, () => cuts.shift() ?? Infinity);
  let interruptions = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 60, max: 8_000 }), { minLength: 1, maxLength: 10 }),
      fc.integer({ min: 1, max: 20 }),
      async (cutsGiven, maxBatchSize) => {
        cuts = [...cutsGiven];
        const told: OrderEvent[] = [];
        const messages = watchOrders({
          ...{ address, filter, start: EARLIEST, maxBatchSize },
          // Without a memory, so that a wrong token is not hidden by it.
          ...{ rememberedEvents: 0, minRetryDelayMs: 1, maxRetryDelayMs: 20 },
          onInterruption: () => (interruptions += 1),
        });
        for await (const message of messages) {
          told.push(...message.events);
          if (told.length >= 160) break;
        }
        assert.deepEqual(byPartition(told), whole);
      },
    ),
    { numRuns: 25 },
  );
  assert.ok(interruptions >= 25, `${interruptions} cuts`);
});

test('until it has caught up a client gets all that there is, while more comes, and over gRPC as it is the call ends with OK', async (t) => {
  const gateway = await startGateway(t);
  const before = Array.from({ length: 60 }, () => orderEvent());
  await gateway.produce(...before);
  let goOn = true;
  const more = (async () => {
    while (goOn) await gateway.produce(orderEvent());
  })();
  const told: string[] = [];
  const { grpc: address } = gateway.app.urls;
  for await (const { events } of watchOrders({ address, start: EARLIEST, untilCaughtUp: true })) {
    told.push(...events.map(({ eventId }) => eventId));
  }
  assert.deepEqual(new Set(before.map(({ eventId }) => eventId)).difference(new Set(told)), new Set());
  const bare = gateway.watch({ start: { position: EARLIEST }, untilCaughtUp: true });
  const { code } = await bare.ended;
  goOn = false;
  await more;
  assert.equal(code, Status.OK);
  assert.equal(bare.messages.at(-1)?.signal?.$case, 'caughtUp');
  assert.equal(new Set(told).difference(new Set(bare.eventIds())).size, 0, 'what was there before');
});

test('a gateway that is frozen is left after three heartbeats, for another one', async (t) => {
  const gateway = await startGateway(t);
  const other = await startApp(t, 'stream-gateway', gateway.settings);
  const told: string[] = [];
  const stopping = new AbortController();
  t.after(() => stopping.abort());
  let address = gateway.app.urls.grpc;
  let registered = false;
  const causes: unknown[] = [];
  const watching = (async () => {
    for await (const { events, signal } of watchOrders({
      ...{ address: () => address, heartbeatIntervalMs: 1_000, signal: stopping.signal },
      onInterruption: (cause) => causes.push(cause),
    })) {
      registered ||= signal?.$case === 'started';
      told.push(...events.map(({ eventId }) => eventId));
    }
  })();
  await eventually(() => assert.ok(registered));
  const first = orderEvent();
  await gateway.produce(first);
  await eventually(() => assert.deepEqual(told, [first.eventId]));

  gateway.app.kill('SIGSTOP');
  address = other.urls.grpc;
  const second = orderEvent();
  await gateway.produce(second);
  await eventually(() => assert.deepEqual(told, [first.eventId, second.eventId]));
  assert.match(String(causes[0]), /silent for 3000 ms/);
  stopping.abort();
  await watching;
});

test('a token that the log does not know ends the watch, and the earliest one comes with it', async (t) => {
  const [gateway, foreign] = await Promise.all([startGateway(t), startGateway(t)]);
  const event = orderEvent();
  await Promise.all([gateway.produce(event), foreign.produce(orderEvent())]);
  const stranger = foreign.watch();
  await stranger.signal('caughtUp');
  const address = gateway.app.urls.grpc;
  const start = { $case: 'resumeToken', value: stranger.token() } as const;
  const refusal = await (async () => {
    for await (const _ of watchOrders({ address, start, signal: AbortSignal.timeout(30_000) }));
  })().catch((error: unknown) => error);
  assert.ok(refusal instanceof OrderStreamError, String(refusal));
  assert.equal(refusal.reason, 'RESUME_TOKEN_FOREIGN');
  const told: string[] = [];
  for await (const { events } of watchOrders({
    address,
    start: { $case: 'resumeToken', value: refusal.earliestToken ?? '' },
  })) {
    told.push(...events.map(({ eventId }) => eventId));
    if (told.length > 0) break;
  }
  assert.deepEqual(told, [event.eventId]);
});
