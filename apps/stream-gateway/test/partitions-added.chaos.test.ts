import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import { createOrderStreamClient } from '@order-events/order-stream';
import { eventually, startApp } from '../../../test/harness/index.ts';
import { addPartitions } from '../../../test/harness/topic-admin.ts';
import { recordConsume } from '../testing/consume-recorder.ts';
import { createEventProducer } from '../testing/event-producer.ts';
import { startGateway, type TestGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';
import { recordWatch } from '../testing/stream-recorder.ts';

const EVERY_SECOND = { heartbeatInterval: { seconds: 1n } };
/** More than the smallest ring holds: streams that were away have to ask Kafka. */
const EVENTS = 6_000;
const RING = { GATEWAY_RING_BYTES: '1048576' };
/** A replica that looks for partitions only when something tells it to. */
const NEVER_BY_ITSELF = { GATEWAY_PARTITION_CHECK_MS: '3600000' };
const PARTITIONS = 24;

const newEvents = (count: number) => Array.from({ length: count }, () => orderEvent({ items: 3 }));
const ids = (events: readonly { eventId: string }[]) => events.map(({ eventId }) => eventId).toSorted();

async function startUnaware(t: TestContext, env: Record<string, string> = {}) {
  const gateway = await startGateway(t, { ...RING, ...NEVER_BY_ITSELF, ...env });
  const caughtUp = gateway.watch(EVERY_SECOND);
  await caughtUp.signal('caughtUp');
  await caughtUp.cancel();
  await replayRange(gateway.app.urls.grpc);
  return gateway;
}

async function replayRange(address: string) {
  const { client, close } = createOrderStreamClient(address);
  try {
    return await client.getReplayRange({});
  } finally {
    close();
  }
}

async function toWidened(t: TestContext, { brokers, topic }: TestGateway) {
  await addPartitions({ brokers, topic }, PARTITIONS);
  return createEventProducer(t, { brokers, topic, partitions: PARTITIONS });
}

const resume = (token: string) => ({
  ...EVERY_SECOND,
  start: { position: { $case: 'resumeToken', value: token } as const },
});

test('tokens from before and after partitions were added go on at a replica that has heard of none of them', async (t) => {
  const unaware = await startUnaware(t);
  const before = unaware.watch(EVERY_SECOND);
  await before.signal('caughtUp');
  const old = newEvents(20);
  await unaware.produce(...old);
  await before.events(old.length);
  const tokenBefore = before.token();
  await before.cancel();

  const { produce } = await toWidened(t, unaware);
  const first = newEvents(300);
  await produce(...first);
  // A replica that starts now knows all partitions.
  const aware = await startApp(t, 'stream-gateway', unaware.settings);
  const elsewhere = recordWatch(t, aware.urls.grpc, resume(tokenBefore));
  assert.deepEqual((await elsewhere.events(first.length)).toSorted(), ids(first));
  await elsewhere.signal('caughtUp');
  const tokenAfter = elsewhere.token();
  await elsewhere.cancel();

  const second = newEvents(EVENTS);
  await produce(...second);
  const cases = [
    [tokenAfter, second],
    [tokenBefore, [...first, ...second]],
  ] as const;
  for (const [token, expected] of cases) {
    const stream = unaware.watch(resume(token));
    await Promise.race([stream.events(expected.length), stream.ended]);
    await Promise.race([stream.signal('caughtUp'), stream.ended]);
    assert.deepEqual(stream.eventIds().toSorted(), ids(expected));
    await stream.cancel();
  }
  const range = await replayRange(unaware.app.urls.grpc);
  const atTheEnd = recordWatch(t, aware.urls.grpc, resume(range.latestToken));
  await atTheEnd.signal('caughtUp');
  assert.deepEqual(atTheEnd.eventIds(), []);
});

test('a subscription goes on where it was when partitions were added, at a replica that has not heard of them', async (t) => {
  const unaware = await startUnaware(t);
  const { settings, topic } = unaware;
  const { produce } = await toWidened(t, unaware);
  const aware = await startApp(t, 'stream-gateway', settings);
  const subscription = `${topic}.${randomUUID()}`;
  const first = newEvents(300);
  const consumer = recordConsume(t, aware.urls.grpc, { subscription });
  await consumer.hasPartitions(PARTITIONS);
  await produce(...first);
  await consumer.received(first.length);
  consumer.acknowledge();
  await consumer.signal('acknowledged', consumer.messages.length);
  consumer.halfClose();
  await consumer.ended;

  const { client, close } = createOrderStreamClient(unaware.app.urls.grpc);
  t.after(close);
  assert.equal((await client.getSubscription({ name: subscription })).subscription?.backlogEvents, 0n);
  const second = newEvents(EVENTS);
  await produce(...second);
  const again = recordConsume(t, unaware.app.urls.grpc, { subscription });
  again.acknowledgeAll();
  await again.received(second.length);
  assert.deepEqual([...new Set(again.eventIds())].toSorted(), ids(second));
  assert.equal(again.eventIds().length, second.length);
  assert.ok(again.messages.every(({ signal }) => signal?.$case !== 'gap'));
});

test('a stream that runs is told of events in added partitions within seconds', async (t) => {
  const gateway = await startGateway(t);
  const stream = gateway.watch(EVERY_SECOND);
  await stream.signal('caughtUp');
  const { produce } = await toWidened(t, gateway);
  const addedAtMs = performance.now();
  const events = newEvents(100);
  await produce(...events);
  await stream.events(events.length);
  const tookMs = performance.now() - addedAtMs;
  t.diagnostic(`told after ${Math.round(tookMs)} ms`);
  assert.ok(tookMs < 10_000, `${tookMs} ms`);
  await eventually(() => assert.deepEqual(stream.eventIds().toSorted(), ids(events)));
});
