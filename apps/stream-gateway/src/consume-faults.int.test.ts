import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import { decodeErrorDetails } from '@order-events/order-stream';
import { Status } from 'nice-grpc-common';
import { eventually, startApp, startKafka } from '../../../test/harness/index.ts';
import { deleteRecords } from '../../../test/harness/topic-admin.ts';
import { type ConsumeRecording, recordConsume } from '../testing/consume-recorder.ts';
import { createEventProducer } from '../testing/event-producer.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { describeGroup } from '../testing/group-description.ts';
import { orderEvent } from '../testing/order-events.ts';

/** The least that Kafka allows by default. */
const SHORT_SESSION = { GATEWAY_CONSUMER_SESSION_MS: '6000' };

const newEvents = (count: number) => Array.from({ length: count }, () => orderEvent());
const ids = (events: readonly { eventId: string }[]) => events.map(({ eventId }) => eventId);

function messageAfter(stream: ConsumeRecording, events: number) {
  let count = 0;
  const found = stream.messages.find((message) => (count += message.events.length) >= events);
  return found ?? assert.fail(`only ${count} events have arrived`);
}

test('SIGTERM: no more events, the acknowledgements are stored, the group is left, and the next gateway goes on', async (t) => {
  const { app, brokers, settings, produce } = await startGateway(t);
  const subscription = randomUUID();
  const events = newEvents(20);
  await produce(...events);
  const stream = recordConsume(t, app.urls.grpc, {
    subscription,
    maxBatchSize: 1,
    maxUnacknowledgedEvents: 10,
  });
  await stream.received(10);
  const handled = stream.eventIds().slice(0, 6);

  app.kill('SIGTERM');
  await stream.signal('draining');
  stream.acknowledge(messageAfter(stream, 6));
  const { code, trailer } = await stream.ended;
  assert.equal(code, Status.UNAVAILABLE);
  const { info, retryDelayMs } = decodeErrorDetails(trailer);
  assert.deepEqual([info?.reason, retryDelayMs], ['DRAINING', 0]);
  assert.equal(stream.events().length, 10);
  assert.deepEqual(await app.exited, { code: 0, signal: null });
  const rows = await describeGroup(brokers, `orders-stream.${subscription}`);
  assert.ok(
    rows.every((row) => row['CONSUMER-ID'] === '-'),
    'no member is left',
  );

  const next = await startApp(t, 'stream-gateway', settings);
  const resumed = recordConsume(t, next.urls.grpc, { subscription });
  await resumed.received(14);
  assert.deepEqual([...handled, ...resumed.eventIds()].toSorted(), ids(events).toSorted());
});

test('a gateway that is killed: the streams of another one get everything that was not acknowledged', async (t) => {
  const { app, settings, produce } = await startGateway(t, SHORT_SESSION);
  const other = await startApp(t, 'stream-gateway', settings);
  const subscription = randomUUID();
  const doomed = recordConsume(t, app.urls.grpc, { subscription });
  const survivor = recordConsume(t, other.urls.grpc, { subscription });
  await Promise.all([doomed.hasPartitions(6), survivor.hasPartitions(6)]);
  survivor.acknowledgeAll();
  const events = newEvents(200);
  await produce(...events.slice(0, 100));
  await eventually(() => assert.equal(doomed.events().length + survivor.events().length, 100));
  doomed.acknowledge();
  await doomed.signal('acknowledged');
  const handled = doomed.eventIds();
  await produce(...events.slice(100));
  await eventually(() => assert.equal(doomed.events().length + survivor.events().length, 200));

  app.kill('SIGKILL');
  assert.equal((await doomed.ended).code, Status.UNAVAILABLE);
  await survivor.hasPartitions(12);
  await eventually(() =>
    assert.deepEqual([...handled, ...survivor.eventIds()].toSorted(), ids(events).toSorted()),
  );
});

test('Kafka away for longer than a session: acknowledgements wait, and no event is missing or skipped afterwards', async (t) => {
  const kafka = await startKafka(t);
  const { brokers } = kafka;
  const topic = 'orders.events';
  await ensureTopic({ brokers, clientId: 'test' }, { topic, partitions: 12, replicationFactor: 1 });
  const settings = { KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic, ...SHORT_SESSION };
  const app = await startApp(t, 'stream-gateway', settings);
  const { produce } = await createEventProducer(t, { brokers, topic });
  const stream = recordConsume(t, app.urls.grpc, { subscription: 'away', maxBatchSize: 1 });
  const events = newEvents(20);
  await produce(...events.slice(0, 10));
  await stream.received(10);

  await kafka.stop();
  await eventually(() => assert.equal(availability(stream).at(-1), false), { deadlineMs: 30_000 });
  stream.acknowledge(messageAfter(stream, 4));
  await eventually(() => assert.deepEqual(stream.partitions(), []), { deadlineMs: 30_000 });
  await kafka.start();
  await stream.hasPartitions(12);
  await stream.signal('acknowledged');
  assert.equal(availability(stream).at(-1), true);
  await (await createEventProducer(t, { brokers, topic })).produce(...events.slice(10));
  await eventually(() => assert.equal(new Set(stream.eventIds()).size, 20), { deadlineMs: 30_000 });

  stream.acknowledge();
  stream.halfClose();
  assert.equal((await stream.ended).code, Status.OK);
  const rows = await describeGroup(brokers, 'orders-stream.away');
  assert.deepEqual(new Set(rows.map((row) => row['LAG'])), new Set(['0']));
});

test('events that Kafka has dropped before a subscription got them are told as a gap', async (t) => {
  const { app, brokers, topic, settings, produce, metric } = await startGateway(t);
  const subscription = randomUUID();
  const first = recordConsume(t, app.urls.grpc, { subscription });
  await first.hasPartitions(12);
  const orderId = randomUUID();
  const events = Array.from({ length: 10 }, (_, index) => orderEvent({ orderId, version: index + 1 }));
  await produce(...events);
  await first.received(10);
  await first.cancel();
  const { partition } = first.events()[0]!;
  await deleteRecords({ brokers, topic }, new Map([[partition, 4n]]));

  // The ring of the first gateway still has them: another one asks Kafka.
  const fresh = await startApp(t, 'stream-gateway', settings);
  const late = recordConsume(t, fresh.urls.grpc, { subscription });
  const { signal } = await late.signal('gap');
  assert.ok(signal?.$case === 'gap' && signal.value.missedEvents === 4n);
  assert.deepEqual(await late.received(6), ids(events.slice(4)));
  assert.equal(await metric(/^stream_subscription_missed_events_total/), 0);
  const text = await (await fetch(`${fresh.urls.admin}/metrics`)).text();
  assert.match(text, /^stream_subscription_missed_events_total\{.*\} 4$/m);
});

function availability(stream: ConsumeRecording): boolean[] {
  return stream.messages.flatMap(({ signal }) =>
    signal?.$case === 'sourceStateChanged' ? [signal.value.available] : [],
  );
}
