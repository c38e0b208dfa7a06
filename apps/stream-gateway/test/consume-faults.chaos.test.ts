import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { decodeErrorDetails, OrderStreamAdminServiceDefinition } from '@order-events/order-stream';
import { createChannel, createClient } from 'nice-grpc';
import { Status } from 'nice-grpc-common';
import { eventually, startApp } from '../../../test/harness/index.ts';
import { deleteRecords } from '../../../test/harness/topic-admin.ts';
import { type ConsumeRecording, recordConsume } from '../testing/consume-recorder.ts';
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
  const { app, brokers, topic, settings, produce } = await startGateway(t);
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
  const rows = await describeGroup(brokers, `orders-stream.${topic}:${subscription}`);
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

test('streams that come and go, cancelled, ended or refused, leave neither members nor connections behind', async (t) => {
  const { app, brokers, topic, produce, metric } = await startGateway(t);
  const subscription = randomUUID();
  const consume = () => recordConsume(t, app.urls.grpc, { subscription });
  const handles = async () =>
    (await metric(/^nodejs_active_handles_total\{/)) ?? assert.fail('no such metric');
  const first = consume();
  await first.hasPartitions(12);
  await produce(...newEvents(50));
  await first.received(50);
  await first.cancel();
  await eventually(async () => assert.equal(await metric(/^stream_watchers\{.*state="live"/), 0));
  const before = await eventually(handles);

  for (let round = 0; round < 5; round += 1) {
    const streams = Array.from({ length: 8 }, consume);
    await Promise.all(streams.map((stream) => stream.signal(round % 2 ? 'assignmentChanged' : 'started')));
    streams[0]?.send({});
    streams[1]?.halfClose();
    await Promise.all(streams.map((stream, index) => (index < 2 ? stream.ended : stream.cancel())));
  }
  await eventually(async () => {
    const rows = await describeGroup(brokers, `orders-stream.${topic}:${subscription}`);
    assert.ok(rows.every((row) => row['CONSUMER-ID'] === '-'));
  });
  await eventually(async () => {
    const after = await handles();
    assert.ok(after <= before, `${after} handles, ${before} before`);
  });
});

test('an operator sees a consumer with its subscription, and closes it: another one has its orders at once', async (t) => {
  const { app, produce } = await startGateway(t);
  const subscription = randomUUID();
  const stream = recordConsume(t, app.urls.grpc, { subscription });
  const { signal } = await stream.signal('started');
  const watcherId = signal?.$case === 'started' ? signal.value.watcherId : assert.fail();
  await stream.hasPartitions(12);
  const events = newEvents(10);
  await produce(...events);
  await stream.received(10);
  const other = recordConsume(t, app.urls.grpc, { subscription });
  await Promise.all([stream.hasPartitions(6), other.hasPartitions(6)]);

  const channel = createChannel(app.urls.adminGrpc);
  t.after(() => channel.close());
  const admin = createClient(OrderStreamAdminServiceDefinition, channel);
  const { watchers } = await admin.listWatchers({});
  const listed = watchers.find((watcher) => watcher.watcherId === watcherId);
  assert.deepEqual([listed?.subscription, listed?.deliveredEvents], [subscription, 10n]);
  await admin.closeWatcher({ watcherId });
  const { code, trailer } = await stream.ended;
  assert.equal(code, Status.UNAVAILABLE);
  assert.equal(decodeErrorDetails(trailer).info?.reason, 'CLOSED_BY_OPERATOR');
  await other.hasPartitions(12);
  await other.received(10);
  assert.deepEqual(other.eventIds().toSorted(), ids(events).toSorted());
});
