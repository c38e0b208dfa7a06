import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { encodeOrderEvent, keyHash, orderEventHeaders } from '@order-events/messaging';
import { createOrderStreamClient, OrderStreamAdminServiceDefinition } from '@order-events/order-stream';
import kafkajs from 'kafkajs';
import { createChannel, createClient } from 'nice-grpc';
import { createTestTopic, eventually, startApp } from '../../../test/harness/index.ts';
import { recordConsume } from '../testing/consume-recorder.ts';
import { TRACEPARENT } from '../testing/event-producer.ts';
import { orderEvent } from '../testing/order-events.ts';

const MINUTE_MS = 60_000;
const PARTITIONS = 12;
const EVENTS = 20;

test('events that a consumer never acknowledges are seen, with and without its stream, before retention takes them', async (t) => {
  const config = { 'message.timestamp.type': 'CreateTime', 'retention.ms': String(120 * MINUTE_MS) };
  const { brokers, topic } = await createTestTopic(t, { partitions: PARTITIONS, config });
  const settings = {
    KAFKA_BROKERS: brokers.join(),
    KAFKA_TOPIC: topic,
    GATEWAY_SUBSCRIPTION_CHECK_MS: '500',
  };
  const app = await startApp(t, 'stream-gateway', settings);
  const appendedAt = new Date(Date.now() - 90 * MINUTE_MS);
  await appendAt(brokers, topic, appendedAt);
  const channel = createChannel(app.urls.adminGrpc);
  const admin = createClient(OrderStreamAdminServiceDefinition, channel);
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(() => [channel.close(), close()]);
  const [idle, busy] = [`idle-${randomUUID()}`, `busy-${randomUUID()}`];

  async function metric(name: string, subscription?: string): Promise<number | undefined> {
    const text = await (await fetch(`${app.urls.admin}/metrics`)).text();
    const start = subscription === undefined ? name : `${name}{subscription="${subscription}"`;
    const line = text.split('\n').find((each) => each.startsWith(start));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  }

  async function idleIsSeen(): Promise<void> {
    const age = (await metric('stream_subscription_unacknowledged_age_seconds', idle)) ?? 0;
    assert.ok(Math.abs(age - (Date.now() - appendedAt.getTime()) / 1000) < 60, `${age} s`);
    assert.equal(await metric('stream_subscription_unacknowledged_events', idle), EVENTS);
    const { subscription } = await client.getSubscription({ name: idle });
    assert.equal(subscription?.oldestUnacknowledgedLogTime?.getTime(), appendedAt.getTime());
    assert.equal(subscription?.backlogEvents, BigInt(EVENTS));
  }

  const openedMs = Date.now();
  const stream = recordConsume(t, app.urls.grpc, { subscription: idle });
  await stream.received(EVENTS);
  const { watchers } = await admin.listWatchers({});
  assert.equal(watchers[0]?.unacknowledgedEvents, BigInt(EVENTS));
  const sentMs = watchers[0]?.oldestUnacknowledgedSendTime?.getTime() ?? 0;
  assert.ok(sentMs >= openedMs - 1_000 && sentMs <= Date.now() + 1_000, String(sentMs));
  await eventually(idleIsSeen);
  await stream.cancel();
  await eventually(async () => {
    assert.equal((await client.getSubscription({ name: idle })).subscription?.members, 0);
  });
  await idleIsSeen();

  const other = recordConsume(t, app.urls.grpc, { subscription: busy });
  other.acknowledgeAll();
  await other.received(EVENTS);
  await eventually(async () => {
    assert.equal(await metric('stream_subscription_unacknowledged_age_seconds', busy), 0);
    assert.equal(await metric('stream_subscription_unacknowledged_events', busy), 0);
    const { subscription } = await client.getSubscription({ name: busy });
    assert.equal(subscription?.oldestUnacknowledgedLogTime, undefined);
  });
  await eventually(async () => {
    const [waiting] = (await admin.listWatchers({})).watchers;
    assert.deepEqual([waiting?.unacknowledgedEvents, waiting?.oldestUnacknowledgedSendTime], [0n, undefined]);
  });
  const oldest = (await metric('stream_subscription_unacknowledged_age_seconds_max')) ?? 0;
  assert.ok(oldest > 89 * 60 && oldest < 92 * 60, `${oldest} s`);
  assert.equal(await metric('stream_topic_retention_seconds'), 7_200);
  const told = app
    .logs()
    .filter((line) => line['retentionMs'] !== undefined && line['subscription'] === idle);
  assert.deepEqual(
    told.map((line) => line['unacknowledgedEvents']),
    [String(EVENTS)],
  );
});

async function appendAt(brokers: string[], topic: string, time: Date): Promise<void> {
  const client = new kafkajs.Kafka({ brokers, clientId: 'test', logLevel: kafkajs.logLevel.NOTHING });
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const messages = Array.from({ length: EVENTS }, () => {
    const event = orderEvent();
    return {
      key: event.order.orderId,
      partition: keyHash(event.order.orderId) % PARTITIONS,
      value: encodeOrderEvent(event),
      headers: orderEventHeaders(event, TRACEPARENT),
      timestamp: String(time.getTime()),
    };
  });
  await producer.send({ topic, messages });
  await producer.disconnect();
}
