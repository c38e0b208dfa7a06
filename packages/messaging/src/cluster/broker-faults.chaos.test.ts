import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { PublishableEvent } from '@order-events/domain';
import { eventually, startKafka } from '../../../../test/harness/index.ts';
import { ensureTopic } from '../topic/ensure-topic.ts';
import { createKafkaPublisher, type KafkaPublisher } from '../publish/kafka-publisher.ts';
import { createLogReader, type LogReader } from '../read/log-reader.ts';

const PARTITIONS = [0, 1, 2];
const BATCH = 5;
/** Load, not speed: the broker shares the machine with other tests. */
const PACE_MS = 2;

/** A publisher and a follower at work on a topic of a broker of the test's own. */
interface Traffic {
  /** Waits until the follower has seen `count` more events of every partition. */
  flows(count: number): Promise<void>;
  /** Changes of the source as the follower was told. */
  readonly changes: string[];
  /** Stops publishing and checks that the topic and the follower have every event once and in order. */
  verify(): Promise<void>;
}

async function startTraffic(t: TestContext, brokers: readonly string[]): Promise<Traffic> {
  const topic = `faults-${randomUUID()}`;
  const client = { brokers, clientId: 'faults', connectTimeoutMs: 500, requestTimeoutMs: 1_000 };
  await ensureTopic(client, { topic, partitions: PARTITIONS.length, replicationFactor: 1 });
  const publisher = createKafkaPublisher({ ...client, topic, transactionalIdPrefix: topic });
  const reader = createLogReader({ ...client, topic });
  const end = new AbortController();
  t.after(async () => {
    end.abort();
    await publisher.close();
    reader.close();
  });
  for (const partition of PARTITIONS) await publisher.claim(partition, 0n, AbortSignal.timeout(30_000));

  const seen = PARTITIONS.map((): string[] => []);
  const changes: string[] = [];
  const following = reader.follow(
    await reader.offsets('earliest'),
    {
      onBatch: ({ partition, records }) => {
        seen[partition]!.push(...records.map(({ headers }) => String(headers.ce_id)));
      },
      onAvailable: () => changes.push('available'),
      onUnavailable: () => changes.push('unavailable'),
      onOutOfRange: () => assert.fail('no offset is out of range'),
    },
    end.signal,
  );
  const stopPublishing = new AbortController();
  const publishing = PARTITIONS.map((partition) => publishUntil(stopPublishing.signal, publisher, partition));

  return {
    changes,
    async flows(count) {
      const targets = seen.map(({ length }) => length + count);
      await eventually(() =>
        seen.forEach((events, index) => assert.ok(events.length >= targets[index]!, 'no new events')),
      );
    },
    async verify() {
      stopPublishing.abort();
      const published = await Promise.all(publishing);
      assert.deepEqual(await readEventIds(reader), published);
      await eventually(() => assert.deepEqual(seen, published));
      end.abort();
      await following;
    },
  };
}

/** Publishes batch after batch; nothing but "published" is an answer to a fault. Answers the event ids in order. */
async function publishUntil(
  stop: AbortSignal,
  publisher: KafkaPublisher,
  partition: number,
): Promise<string[]> {
  const eventIds: string[] = [];
  while (!stop.aborted) {
    const events = Array.from({ length: BATCH }, () => createEvent(partition));
    const outcomes = await publisher.publish(events, AbortSignal.timeout(60_000));
    outcomes.forEach((outcome) => assert.equal(outcome.kind, 'published'));
    eventIds.push(...events.map(({ eventId }) => eventId));
    await delay(PACE_MS);
  }
  return eventIds;
}

function createEvent(partition: number): PublishableEvent {
  const eventId = randomUUID();
  return { eventId, key: eventId, partition, value: '{}', headers: { ce_id: eventId } };
}

async function readEventIds(reader: LogReader): Promise<string[][]> {
  const eventIds = PARTITIONS.map((): string[] => []);
  await reader.read(
    await reader.offsets('earliest'),
    await reader.offsets('latest'),
    ({ partition, records }) => {
      eventIds[partition]!.push(...records.map(({ headers }) => String(headers.ce_id)));
    },
    AbortSignal.timeout(30_000),
  );
  return eventIds;
}

const interrupted = ['available', 'unavailable', 'available'];

test('an orderly restart of the broker loses and doubles nothing', async (t) => {
  const kafka = await startKafka(t);
  const traffic = await startTraffic(t, kafka.brokers);
  await traffic.flows(20);
  await kafka.stop();
  await kafka.start();
  await traffic.flows(20);
  await traffic.verify();
  assert.deepEqual(traffic.changes, interrupted);
});

test('a killed broker loses and doubles nothing', async (t) => {
  const kafka = await startKafka(t);
  const traffic = await startTraffic(t, kafka.brokers);
  await traffic.flows(20);
  await kafka.kill();
  await kafka.start();
  await traffic.flows(20);
  await traffic.verify();
  assert.deepEqual(traffic.changes, interrupted);
});

test('a frozen broker is noticed, and loses and doubles nothing', async (t) => {
  const kafka = await startKafka(t);
  const traffic = await startTraffic(t, kafka.brokers);
  await traffic.flows(20);
  kafka.freeze();
  await eventually(() => assert.deepEqual(traffic.changes, ['available', 'unavailable']));
  kafka.thaw();
  await traffic.flows(20);
  await traffic.verify();
  assert.deepEqual(traffic.changes, interrupted);
});

test('connections that go silent are replaced, and lose and double nothing', async (t) => {
  const proxy = await startProxy(t);
  const kafka = await startKafka(t, {
    settings: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}` },
  });
  proxy.forwardTo(kafka.port);
  const traffic = await startTraffic(t, [`127.0.0.1:${proxy.port}`]);
  await traffic.flows(20);
  proxy.silenceConnections();
  await eventually(() => assert.deepEqual(traffic.changes, interrupted));
  await traffic.flows(20);
  await traffic.verify();
});

test('a publish that is cut off is unknown, and the next claim tells what became of it', async (t) => {
  const kafka = await startKafka(t);
  const topic = `faults-${randomUUID()}`;
  const client = { brokers: kafka.brokers, clientId: 'faults', requestTimeoutMs: 1_000 };
  await ensureTopic(client, { topic, partitions: 1, replicationFactor: 1 });
  const publisher = createKafkaPublisher({ ...client, topic, transactionalIdPrefix: topic });
  t.after(() => publisher.close());
  const soon = () => AbortSignal.timeout(30_000);
  const { endOffset } = await publisher.claim(0, 0n, soon());
  const before = createEvent(0);
  await publisher.publish([before], soon());
  const events = [createEvent(0), createEvent(0)];

  kafka.freeze();
  const cutOff = await publisher.publish(events, AbortSignal.timeout(200));
  kafka.thaw();

  assert.deepEqual(
    cutOff.map(({ kind }) => kind),
    ['unknown', 'unknown'],
  );
  const { publishedIds } = await publisher.claim(0, endOffset, soon());
  const missing = events.filter(({ eventId }) => !publishedIds.has(eventId));
  await publisher.publish(missing, soon());
  const claim = await publisher.claim(0, endOffset, soon());
  assert.deepEqual(
    [...claim.publishedIds],
    [before, ...events].map(({ eventId }) => eventId),
  );

  await kafka.stop();
  assert.deepEqual(await publisher.publish([createEvent(0)], AbortSignal.timeout(200)), [{ kind: 'held' }]);
  await assert.rejects(publisher.claim(0, endOffset, soon()), { name: 'BrokerConnectionError' });
});

/** A TCP proxy that can stop moving bytes on the connections it has, without closing them, as a lost network path does. */
async function startProxy(
  t: TestContext,
): Promise<{ port: number; forwardTo(port: number): void; silenceConnections(): void }> {
  const sockets = new Set<net.Socket>();
  let targetPort = 0;
  const server = net.createServer((client) => {
    const broker = net.connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk) => to.write(chunk));
      from.on('close', () => to.destroy());
      from.on('error', () => to.destroy());
    }
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  return {
    port: address.port,
    forwardTo: (port) => {
      targetPort = port;
    },
    silenceConnections() {
      for (const socket of sockets) socket.removeAllListeners('data').resume();
    },
  };
}
