import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { ensureTopic, keyHash } from '@order-events/messaging';
import {
  createOrderStreamClient,
  decodeErrorDetails,
  type DeepPartial,
  type StartPosition,
} from '@order-events/order-stream';
import { Status } from 'nice-grpc-common';
import { changeBatch, sendUnreadable } from '../../../packages/messaging/testing/unreadable-batches.ts';
import { metricOf } from '../../../test/harness/app-metric.ts';
import { eventually, startApp, startKafka } from '../../../test/harness/index.ts';
import { recordConsume } from '../testing/consume-recorder.ts';
import { createEventProducer } from '../testing/event-producer.ts';
import { orderEvent } from '../testing/order-events.ts';
import { recordWatch } from '../testing/stream-recorder.ts';

const TOPIC = 'orders.events';
const PARTITIONS = 12;
/** More than the tail reads at its start: what comes before them is read from history. */
const LATER_EVENTS = 1_200;

/** One order with many versions; the batch of the second one is changed on the broker's disk. Another partition begins with a bomb. */
async function spoiledTopic(t: TestContext) {
  const dataDir = await mkdtemp(join(tmpdir(), 'order-events-spoiled-'));
  const kafka = await startKafka(t, { dataDir });
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const { brokers } = kafka;
  await ensureTopic(
    { brokers, clientId: 'test' },
    { topic: TOPIC, partitions: PARTITIONS, replicationFactor: 1 },
  );
  const orderId = randomUUID();
  const events = Array.from({ length: LATER_EVENTS }, (_, index) =>
    orderEvent({ orderId, version: index + 1 }),
  );
  const { produce } = await createEventProducer(t, { brokers, topic: TOPIC });
  const alone = 3;
  for (const event of events.slice(0, alone)) await produce(event);
  for (let from = alone; from < events.length; from += 100) await produce(...events.slice(from, from + 100));
  const partition = keyHash(orderId) % PARTITIONS;
  await kafka.stop();
  await changeBatch(join(dataDir, `${TOPIC}-${partition}`), 1);
  await kafka.start();
  const other = (partition + 1) % PARTITIONS;
  await sendUnreadable({ brokers }, TOPIC, other);
  return { brokers, partition, other, readable: events.filter((_, index) => index !== 1), produce };
}

const eventIds = (events: readonly { eventId: string }[]) => events.map(({ eventId }) => eventId);

test('batches that cannot be read are passed: named, counted, told as gaps, or refused to who allows none', async (t) => {
  const { brokers, partition, other, readable, produce } = await spoiledTopic(t);
  const gateway = await startApp(t, 'stream-gateway', {
    KAFKA_BROKERS: brokers.join(),
    KAFKA_TOPIC: TOPIC,
  });
  const address = gateway.urls.grpc!;
  const earliest = { position: { $case: 'earliest', value: true } } as const;

  const lenient = recordWatch(t, address, { start: earliest, allowGap: true });
  assert.deepEqual(await lenient.events(readable.length), eventIds(readable));
  const gaps = await eventually(() => {
    const told = lenient.messages.flatMap(({ signal }) => (signal?.$case === 'gap' ? [signal.value] : []));
    assert.equal(told.length, 2);
    return told;
  });
  assert.deepEqual(
    gaps.map(({ missedEvents }) => missedEvents),
    [1n, 1n],
  );

  const consumer = recordConsume(t, address, { subscription: 'billing', start: earliest });
  consumer.acknowledgeAll();
  assert.deepEqual(await consumer.received(readable.length), eventIds(readable));
  await eventually(() =>
    assert.equal(consumer.messages.filter(({ signal }) => signal?.$case === 'gap').length, 2),
  );

  const strict = await readStrictly(t, address, earliest, readable.length);
  assert.deepEqual(strict.events, eventIds(readable));
  assert.equal(strict.refusals, 2);

  assert.equal(await metricOf(gateway, 'stream_batches_unreadable_total'), 2);
  const named = gateway
    .logs()
    .filter((line) => /a batch of the log cannot be read/.test(String(line['msg'])))
    .map((line) => [line['partition'], line['offset'], line['nextOffset'], line['kind']].join(' '));
  assert.deepEqual(named.toSorted(), [`${partition} 1 2 checksum`, `${other} 0 1 too_large`].toSorted());
  const { client, close } = createOrderStreamClient(address);
  t.after(close);
  assert.ok((await client.getReplayRange({})).earliestLogTime);

  const fresh = Array.from({ length: 30 }, () => orderEvent());
  await produce(...fresh);
  await lenient.events(readable.length + fresh.length);
});

/** A client that takes no gap, and takes up at the token that each refusal gives. */
async function readStrictly(
  t: TestContext,
  address: string,
  from: DeepPartial<StartPosition>,
  count: number,
): Promise<{ events: string[]; refusals: number }> {
  const events: string[] = [];
  let start = from;
  for (let refusals = 0; ; refusals += 1) {
    const stream = recordWatch(t, address, { start });
    const done = eventually(() => assert.ok(events.length + stream.eventIds().length >= count)).then(
      () => stream.signal('caughtUp'),
      () => undefined,
    );
    const end = await Promise.race([stream.ended, done]);
    events.push(...stream.eventIds());
    if (!end || !('trailer' in end)) return { events, refusals };
    assert.equal(end.code, Status.OUT_OF_RANGE);
    const { info } = decodeErrorDetails(end.trailer);
    assert.equal(info?.reason, 'EVENTS_UNREADABLE');
    start = { position: { $case: 'resumeToken', value: info.metadata['earliest_token'] ?? '' } };
  }
}
