import assert from 'node:assert/strict';
import test from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import { createOrderStreamClient } from '@order-events/order-stream';
import { startLossyProxy } from '../../../packages/messaging/testing/lossy-proxy.ts';
import { eventually, startApp, startKafka } from '../../../test/harness/index.ts';
import { createEventProducer } from '../testing/event-producer.ts';
import { orderEvent } from '../testing/order-events.ts';
import { recordWatch } from '../testing/stream-recorder.ts';

const TOPIC = 'orders.events';
const PARTITIONS = 12;
const FETCH = 1;
const LIST_OFFSETS = 2;
const LIST_GROUPS = 16;
const CALLERS = 50;
const CALLS_OF_EACH = 10;

test('callers share what Kafka is asked, and ask on other connections than streams read on', async (t) => {
  const asked: { apiKey: number; connection: number }[] = [];
  const proxy = await startLossyProxy(t, (apiKey, connection) => asked.push({ apiKey, connection }));
  const kafka = await startKafka(t, {
    settings: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}` },
  });
  proxy.forwardTo(kafka.port);
  const brokers = [`127.0.0.1:${proxy.port}`];
  await ensureTopic(
    { brokers, clientId: 'test' },
    { topic: TOPIC, partitions: PARTITIONS, replicationFactor: 1 },
  );
  const { produce } = await createEventProducer(t, { brokers, topic: TOPIC });
  const events = Array.from({ length: 6_000 }, () => orderEvent());
  await produce(...events);
  asked.length = 0;
  const settings = { KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: TOPIC, GATEWAY_RING_BYTES: '1048576' };
  const app = await startApp(t, 'stream-gateway', settings);
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  const range = await eventually(() => client.getReplayRange({}));
  assert.ok(range.earliestLogTime! <= new Date());

  const count = (key: number) => asked.filter(({ apiKey }) => apiKey === key).length;
  const [offsetsBefore, fetchesBefore] = [count(LIST_OFFSETS), count(FETCH)];
  const startedAtMs = performance.now();
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      for (let call = 0; call < CALLS_OF_EACH; call += 1) {
        assert.deepEqual(await client.getReplayRange({}), range);
      }
    }),
  );
  const seconds = (performance.now() - startedAtMs) / 1000;
  const [offsets, fetches] = [count(LIST_OFFSETS) - offsetsBefore, count(FETCH) - fetchesBefore];
  t.diagnostic(
    `${CALLERS * CALLS_OF_EACH} calls: ${offsets} questions about offsets, ${fetches} fetches in ${seconds.toFixed(1)} s`,
  );
  // Three for each round, and a round at most each 100 ms, beside the first and the last.
  assert.ok(offsets <= 3 * (2 + 10 * seconds), `${offsets} questions in ${seconds} s`);
  // Those of the tail, which waits a quarter of a second for news with each.
  assert.ok(fetches <= 4 * (2 + 5 * seconds), `${fetches} fetches in ${seconds} s`);

  const listsBefore = count(LIST_GROUPS);
  await Promise.all(Array.from({ length: CALLERS }, () => client.listSubscriptions({})));
  assert.ok(count(LIST_GROUPS) - listsBefore <= 3, `${count(LIST_GROUPS) - listsBefore} lists of all groups`);

  const stream = recordWatch(t, app.urls.grpc, { start: { position: { $case: 'earliest', value: true } } });
  await stream.events(events.length);
  const connectionsOf = (key: number) =>
    new Set(asked.flatMap(({ apiKey, connection }) => (apiKey === key ? [connection] : [])));
  const both = [...connectionsOf(FETCH)].filter((connection) => connectionsOf(LIST_OFFSETS).has(connection));
  assert.deepEqual(both, [], 'connections that events are read on and offsets are asked for');
});
