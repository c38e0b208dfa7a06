import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { createOrderStreamClient } from '@order-events/order-stream';
import { ensureTopic } from '@order-events/messaging';
import { Status } from 'nice-grpc-common';
import { createTestTopic, eventually, startApp, startKafka } from '../../../test/harness/index.ts';
import { paced } from '../../../test/harness/paced.ts';
import { recreateTopic } from '../../../test/harness/topic-admin.ts';
import { assertComplete, assertResumesAnywhere } from '../../../test/watch-validation/read-to-end.ts';
import { readTopicLog } from '../../../test/watch-validation/read-topic-log.ts';
import { longestSilenceMs } from '../../../test/watch-validation/watch-guarantees.ts';
import { createEventProducer } from '../testing/event-producer.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { healthOf } from '../testing/gateway-health.ts';
import { orderEvent } from '../testing/order-events.ts';
import { recordWatch, type StreamRecording } from '../testing/stream-recorder.ts';

const TOPIC = 'orders.events';
const SOURCE = 'orders.v1.KafkaSource';
const EVERY_SECOND = { heartbeatInterval: { seconds: 1n } };

/** A Kafka with the topic, which the test may stop, and settings for a gateway on it. */
async function startOwnKafka(t: TestContext) {
  const kafka = await startKafka(t);
  const { brokers } = kafka;
  await ensureTopic({ brokers, clientId: 'test' }, { topic: TOPIC, partitions: 12, replicationFactor: 1 });
  return { kafka, brokers, topic: TOPIC, settings: { KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: TOPIC } };
}

/** A heartbeat each second, on a machine that does other work. */
const MAX_SILENCE_MS = 10_000;

/** Every stream has read the topic to its end, broke no guarantee and was never silent; its tokens are good for others. */
async function assertKept(
  t: TestContext,
  address: string,
  streams: readonly StreamRecording[],
  topic: { brokers: string[]; topic: string },
): Promise<void> {
  const log = await readTopicLog(topic);
  const histories = () => streams.map((stream) => stream.history());
  await eventually(() => assertComplete(histories(), log));
  for (const history of histories()) {
    await assertResumesAnywhere(t, address, history, log);
    const silenceMs = longestSilenceMs(history);
    assert.ok(silenceMs < paced(MAX_SILENCE_MS), `${history.client} heard nothing for ${silenceMs} ms`);
  }
}

async function sourceChange(stream: StreamRecording, available: boolean, from = 0): Promise<void> {
  await eventually(() => {
    const states = stream.messages
      .slice(from)
      .flatMap(({ signal }) => (signal?.$case === 'sourceStateChanged' ? [signal.value.available] : []));
    assert.equal(states.at(-1), available);
  });
}

test('with Kafka absent at the start watches are taken, and get all that is appended once it is there', async (t) => {
  const { kafka, brokers, topic, settings } = await startOwnKafka(t);
  const old = orderEvent();
  const firstProducer = await createEventProducer(t, { brokers, topic });
  await firstProducer.produce(old);
  await kafka.stop();

  const { urls, pid } = await startApp(t, 'stream-gateway', settings);
  const latest = recordWatch(t, urls.grpc, EVERY_SECOND);
  const start = { position: { $case: 'earliest', value: true } } as const;
  const earliest = recordWatch(t, urls.grpc, { ...EVERY_SECOND, start });
  for (const stream of [latest, earliest]) {
    await stream.signal('started');
    await sourceChange(stream, false);
  }
  const { resumeToken } = await latest.signal('heartbeat');
  assert.equal((await fetch(`${urls.admin}/readyz`)).status, 200);
  assert.deepEqual(
    [await healthOf(urls.grpc), await healthOf(urls.grpc, 'orders.v1.OrderStreamService')],
    ['SERVING', 'SERVING'],
  );
  assert.equal(await healthOf(urls.grpc, SOURCE), 'NOT_SERVING');
  const { client, close } = createOrderStreamClient(urls.grpc);
  t.after(close);
  await assert.rejects(client.getReplayRange({}), { code: Status.UNAVAILABLE });

  await kafka.start();
  const events = Array.from({ length: 50 }, () => orderEvent());
  const { produce } = await createEventProducer(t, { brokers, topic });
  await produce(...events);
  const expected = events.map(({ eventId }) => eventId).toSorted();
  await eventually(() =>
    assert.deepEqual(
      latest
        .eventIds()
        .filter((id) => id !== old.eventId)
        .toSorted(),
      expected,
    ),
  );
  assert.deepEqual((await earliest.events(51)).toSorted(), [old.eventId, ...expected].toSorted());
  for (const stream of [latest, earliest]) await sourceChange(stream, true);
  assert.equal(await healthOf(urls.grpc, SOURCE), 'SERVING');

  // A client that was cut off while Kafka was away has lost nothing either.
  const resumed = recordWatch(t, urls.grpc, {
    start: { position: { $case: 'resumeToken', value: resumeToken } },
  });
  await eventually(() => {
    const got = new Set(resumed.eventIds());
    assert.ok(expected.every((id) => got.has(id)));
  });
  await assertKept(t, urls.grpc, [latest, earliest], { brokers, topic });
  process.kill(pid, 0);
});

test('Kafka stopped and started while streams run: they are told, go on, and neither lose nor repeat an event', async (t) => {
  const { kafka, brokers, topic, settings } = await startOwnKafka(t);
  const { urls } = await startApp(t, 'stream-gateway', settings);
  const before = [orderEvent(), orderEvent()];
  const after = [orderEvent(), orderEvent()];
  const running = recordWatch(t, urls.grpc, EVERY_SECOND);
  await running.signal('caughtUp');
  const producer = await createEventProducer(t, { brokers, topic });
  await producer.produce(...before);
  await running.events(2);

  for (const stop of [() => kafka.stop(), () => kafka.kill()]) {
    const from = running.messages.length;
    await stop();
    await sourceChange(running, false, from);
    const heartbeat = await running.signal('heartbeat', from);
    assert.equal(heartbeat.resumeToken, running.token());
    await kafka.start();
    await sourceChange(running, true, from);
  }
  const duringOutage = recordWatch(t, urls.grpc, {
    start: { position: { $case: 'resumeToken', value: running.token() } },
  });
  await duringOutage.signal('started');
  const newProducer = await createEventProducer(t, { brokers, topic });
  await newProducer.produce(...after);
  await running.events(4);
  assert.deepEqual(
    running.eventIds().toSorted(),
    [...before, ...after].map(({ eventId }) => eventId).toSorted(),
  );
  assert.deepEqual((await duringOutage.events(2)).toSorted(), after.map(({ eventId }) => eventId).toSorted());
  await assertKept(t, urls.grpc, [running], { brokers, topic });
});

test('a broker that answers nothing holds up no heartbeat, not even of a stream that waits for old events', async (t) => {
  const { kafka, brokers, topic, settings } = await startOwnKafka(t);
  const { produce } = await createEventProducer(t, { brokers, topic });
  const first = orderEvent();
  await produce(first);
  const { urls } = await startApp(t, 'stream-gateway', settings);
  const live = recordWatch(t, urls.grpc, EVERY_SECOND);
  await live.signal('caughtUp');

  kafka.freeze();
  const start = { position: { $case: 'earliest', value: true } } as const;
  const earliest = recordWatch(t, urls.grpc, { ...EVERY_SECOND, start });
  for (const stream of [live, earliest]) {
    await stream.signal('heartbeat');
    await sourceChange(stream, false);
  }
  kafka.thaw();
  await earliest.events(1);
  await sourceChange(live, true);
  assert.deepEqual(earliest.eventIds(), [first.eventId]);
  await assertKept(t, urls.grpc, [live, earliest], { brokers, topic });
});

test('a topic that is created again ends its streams: nobody takes the new log for the old one', async (t) => {
  const { brokers, topic, watch, produce } = await startGateway(t);
  const old = orderEvent();
  const stream = watch();
  await stream.signal('caughtUp');
  await produce(old);
  await stream.events(1);
  await recreateTopic({ brokers, topic }, 12);
  const { code } = await stream.ended;
  assert.equal(code, Status.FAILED_PRECONDITION);

  const start = { position: { $case: 'resumeToken', value: stream.token() } } as const;
  const refused = await eventually(async () => {
    const end = await watch({ start }).ended;
    assert.notEqual(end.code, Status.UNAVAILABLE);
    return end;
  });
  assert.equal(refused.code, Status.FAILED_PRECONDITION);
  const producer = await createEventProducer(t, { brokers, topic });
  const fresh = orderEvent();
  await producer.produce(fresh);
  const gapped = watch({ start, allowGap: true });
  await gapped.signal('gap');
  assert.deepEqual(await gapped.events(1), [fresh.eventId]);
});

test('a topic that is not there yet is waited for', async (t) => {
  const { brokers, topic: other } = await createTestTopic(t);
  const topic = `${other}_later`;
  const { urls } = await startApp(t, 'stream-gateway', {
    KAFKA_BROKERS: brokers.join(','),
    KAFKA_TOPIC: topic,
  });
  const stream = recordWatch(t, urls.grpc);
  await sourceChange(stream, false);
  await ensureTopic({ brokers, clientId: 'test' }, { topic, partitions: 12, replicationFactor: 1 });
  const { produce } = await createEventProducer(t, { brokers, topic });
  const event = orderEvent();
  await produce(event);
  assert.deepEqual(await stream.events(1), [event.eventId]);
});
