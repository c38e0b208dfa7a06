import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import { createOrderStreamClient } from '@order-events/order-stream';
import { eventually, startApp, startKafka } from '../../../test/harness/index.ts';
import { type ConsumeRecording, recordConsume } from '../testing/consume-recorder.ts';
import { createEventProducer } from '../testing/event-producer.ts';
import { orderEvent } from '../testing/order-events.ts';

const subscription = 'warehouse';

const newEvents = (count: number) => Array.from({ length: count }, () => orderEvent());

/** Each event has come to one of the streams at least. */
async function allReceived(
  streams: readonly ConsumeRecording[],
  events: readonly { eventId: string }[],
): Promise<void> {
  await eventually(() => {
    const got = new Set(streams.flatMap((stream) => stream.eventIds()));
    const missing = events.filter(({ eventId }) => !got.has(eventId));
    assert.equal(missing.length, 0, `${missing.length} of ${events.length} events are missing`);
  });
}

async function allStored(address: string): Promise<void> {
  const { client, close } = createOrderStreamClient(address);
  try {
    await eventually(async () => {
      const { subscription: state } = await client.getSubscription({ name: subscription });
      assert.equal(state?.backlogEvents, 0n);
    });
  } finally {
    close();
  }
}

/** A gateway on a Kafka that the test may break, and two streams of one subscription that acknowledge all. */
async function startOnOwnKafka(t: TestContext) {
  const kafka = await startKafka(t);
  const { brokers } = kafka;
  const topic = 'orders.events';
  await ensureTopic({ brokers, clientId: 'test' }, { topic, partitions: 12, replicationFactor: 1 });
  const { urls } = await startApp(t, 'stream-gateway', {
    KAFKA_BROKERS: brokers.join(),
    KAFKA_TOPIC: topic,
    GATEWAY_CONSUMER_SESSION_MS: '6000',
  });
  const streams = [1, 2].map(() =>
    recordConsume(t, urls.grpc, { subscription, heartbeatInterval: { seconds: 1n } }),
  );
  await Promise.all(streams.map((stream) => stream.hasPartitions(6)));
  const produce = async (count: number) => {
    const events = newEvents(count);
    const producer = await createEventProducer(t, { brokers, topic });
    await producer.produce(...events);
    return events;
  };
  return { kafka, urls, streams, produce };
}

test('Kafka stops and starts while streams run: acknowledgements of the meantime are stored, and events go on', async (t) => {
  const { kafka, urls, streams, produce } = await startOnOwnKafka(t);
  const before = await produce(50);
  await allReceived(streams, before);
  for (const [index, away] of [() => kafka.stop(), () => kafka.kill()].entries()) {
    const from = streams.map((stream) => stream.messages.length);
    await away();
    await Promise.all(streams.map((stream, number) => stream.signal('sourceStateChanged', from[number])));
    // The first time in the middle of the outage, then with every message.
    if (index === 0) for (const stream of streams) stream.acknowledgeAll();
    await kafka.start();
    const events = await produce(50);
    await allReceived(streams, events);
    await allStored(urls.grpc);
    for (const stream of streams) {
      await eventually(() => {
        const changes = stream.messages.flatMap(({ signal }) =>
          signal?.$case === 'sourceStateChanged' ? [signal.value.available] : [],
        );
        assert.equal(changes.at(-1), true);
      });
    }
  }
});

test('Kafka stands still for longer than a session: the streams are told, and nothing is lost', async (t) => {
  const { kafka, urls, streams, produce } = await startOnOwnKafka(t);
  const before = await produce(50);
  await allReceived(streams, before);
  const from = streams.map((stream) => stream.messages.length);
  kafka.freeze();
  for (const [number, stream] of streams.entries()) {
    await eventually(() => {
      const changes = stream.messages
        .slice(from[number])
        .flatMap(({ signal }) =>
          signal?.$case === 'assignmentChanged' ? [signal.value.partitions.length] : [],
        );
      assert.equal(changes.at(-1), 0);
    });
  }
  kafka.thaw();
  for (const stream of streams) stream.acknowledgeAll();
  const after = await produce(50);
  await allReceived(streams, [...before, ...after]);
  await Promise.all(streams.map((stream) => stream.hasPartitions(6)));
  await allStored(urls.grpc);
});
