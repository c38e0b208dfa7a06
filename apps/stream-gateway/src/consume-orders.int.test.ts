import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { eventually, startApp } from '../../../test/harness/index.ts';
import { type ConsumeRecording, recordConsume } from '../testing/consume-recorder.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';

const ids = (events: readonly { eventId: string }[]) => events.map(({ eventId }) => eventId);

test('two streams of a subscription on two gateways share the orders: all events, each order in order', async (t) => {
  const { app, settings, produce } = await startGateway(t);
  const other = await startApp(t, 'stream-gateway', settings);
  const subscription = 'warehouse';
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

/** Each of the events has come to one of the streams, and once. */
async function eventuallyAll(streams: readonly ConsumeRecording[], expected: string[]): Promise<void> {
  await eventually(
    () => assert.deepEqual(streams.flatMap((stream) => stream.eventIds()).toSorted(), expected.toSorted()),
    { deadlineMs: 30_000 },
  );
}
