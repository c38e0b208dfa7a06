import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { startKafka } from '../../../../test/harness/index.ts';
import { startSlowProxy } from '../../testing/slow-proxy.ts';
import { ensureTopic } from '../topic/ensure-topic.ts';
import { createKafkaPublisher } from '../publish/kafka-publisher.ts';
import { createLogReader } from './log-reader.ts';

const PARTITIONS = 12;
const EVENTS = 300;
const EVENT_BYTES = 60_000;
const LINK_BYTES_PER_MS = 2_000;

test('large events get through a slow link, each sent about once, and are read back through it', async (t) => {
  const proxy = await startSlowProxy(t, LINK_BYTES_PER_MS);
  const listener = { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}` };
  const kafka = await startKafka(t, { settings: listener });
  proxy.forwardTo(kafka.port);
  const topic = `slow-link-${randomUUID()}`;
  const client = { brokers: [`127.0.0.1:${proxy.port}`], clientId: 'test', topic, requestTimeoutMs: 2_000 };
  await ensureTopic(client, { topic, partitions: PARTITIONS, replicationFactor: 1 });
  const failures: string[] = [];
  const observer = { retried: (_partition: number, error: Error) => failures.push(error.message) };
  const publisher = createKafkaPublisher({ ...client, transactionalIdPrefix: topic, observer });
  const reader = createLogReader(client);
  t.after(async () => {
    await publisher.close();
    reader.close();
  });
  const soon = AbortSignal.timeout(240_000);
  for (let partition = 0; partition < PARTITIONS; partition += 1) await publisher.claim(partition, 0n, soon);

  const events = Array.from({ length: EVENTS }, (_, index) => ({
    eventId: `event-${index}`,
    key: `order-${index}`,
    partition: index % PARTITIONS,
    value: 'x'.repeat(EVENT_BYTES),
    headers: {},
  }));
  const outcomes = await publisher.publish(events, soon);
  assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['published']), failures.join('\n'));
  const times = proxy.sentBytes() / (EVENTS * EVENT_BYTES);
  t.diagnostic(
    `${times.toFixed(2)} times the bytes of the events were sent, ${failures.length} attempts failed`,
  );
  assert.ok(times < 3, `${times} times the bytes of the events were sent`);
  for (const failure of failures) assert.doesNotMatch(failure, /KAFKA_SASL/);

  let read = 0;
  await reader.read(
    await reader.offsets('earliest'),
    await reader.offsets('latest'),
    ({ records }) => void (read += records.length),
    soon,
  );
  assert.equal(read, EVENTS);
});
