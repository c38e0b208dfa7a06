import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogReader, ensurePartitionCount, recordPartitionChange } from '@order-events/messaging';
import type { OrderEvent } from '@order-events/order-stream';
import { createTestTopic, startApp } from '../../../test/harness/index.ts';
import { type ConsumeRecording, recordConsume } from '../testing/consume-recorder.ts';
import { createEventProducer } from '../testing/event-producer.ts';
import { orderEvent } from '../testing/order-events.ts';
import { recordWatch, type StreamRecording } from '../testing/stream-recorder.ts';

const ORDERS = Array.from({ length: 100 }, () => randomUUID());
/** Not a multiple: keys move among all partitions. */
const [FORMER, LATTER] = [3, 8];
const VERSIONS = 12;
const EVENTS = ORDERS.length * VERSIONS;
/** Large enough that the smallest ring does not hold the events, nor do the buffers of a connection. */
const ITEMS = 100;
const RING = { GATEWAY_RING_BYTES: '1048576' };
/** A replica that looks for partitions only when something tells it to. */
const NEVER_BY_ITSELF = { GATEWAY_PARTITION_CHECK_MS: '3600000' };
const FROM_EARLIEST = { start: { position: { $case: 'earliest', value: true } as const }, maxBatchSize: 16 };

type Seen = Pick<OrderEvent, 'orderId' | 'orderVersion' | 'partition'>;

/** A topic, and the versions of all orders in it: `appendTo` appends those up to one, after the ones before. */
async function createTopicOfOrders(t: TestContext) {
  const { brokers, topic } = await createTestTopic(t, { partitions: FORMER });
  let version = 1;
  const appendTo = async (last: number, partitions: number) => {
    const { produce } = await createEventProducer(t, { brokers, topic, partitions });
    for (; version <= last; version += 1) {
      await produce(...ORDERS.map((orderId) => orderEvent({ orderId, version, items: ITEMS })));
    }
  };
  return { brokers, topic, appendTo, resize: () => resize(brokers, topic) };
}

/** What `outboxctl resize` does with the topic while nobody publishes. */
async function resize(brokers: string[], topic: string): Promise<void> {
  const connection = { brokers, clientId: 'test' };
  const reader = createLogReader({ ...connection, topic });
  const signal = AbortSignal.timeout(30_000);
  try {
    const { topicId, latest } = await reader.ends(signal);
    const ends = latest.map((end) => end ?? assert.fail('a partition has no leader'));
    const change = { formerCount: FORMER, count: LATTER, ends, changedAt: new Date() };
    await recordPartitionChange(connection, { topic, topicId, change }, signal);
    await ensurePartitionCount(connection, { topic, partitions: LATTER }, signal);
  } finally {
    reader.close();
  }
}

/** The version of no order goes down, or stays; with as many events as there are, each is there. */
function assertInOrder(events: readonly Seen[], before: ReadonlyMap<string, bigint> = new Map()): void {
  const newest = new Map(before);
  const late = events.filter(({ orderId, orderVersion }) => {
    const isLate = orderVersion <= (newest.get(orderId) ?? 0n);
    if (!isLate) newest.set(orderId, orderVersion);
    return isLate;
  });
  assert.equal(
    late.length,
    0,
    `${late.length} of ${events.length} events came after a newer version of their order`,
  );
}

const seenBy = (stream: StreamRecording) => stream.messages.flatMap(({ events }) => events);

test('whoever watches from before a resize gets every order in order, from any position', async (t) => {
  const { brokers, topic, appendTo, resize } = await createTopicOfOrders(t);
  await appendTo(VERSIONS / 2, FORMER);
  await resize();
  await appendTo(VERSIONS, LATTER);
  const settings = { KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic, ...RING };
  const { urls } = await startApp(t, 'stream-gateway', settings);
  const all = recordWatch(t, urls.grpc, FROM_EARLIEST);
  await all.events(EVENTS);
  assertInOrder(seenBy(all));

  const withEvents = all.messages.filter(({ events }) => events.length > 0);
  for (let at = 0; at < withEvents.length; at += Math.floor(withEvents.length / 7)) {
    const before = withEvents.slice(0, at + 1).flatMap(({ events }) => events);
    const value = withEvents[at]?.resumeToken ?? assert.fail();
    const resumed = recordWatch(t, urls.grpc, {
      start: { position: { $case: 'resumeToken', value } },
      maxBatchSize: 7,
    });
    await resumed.events(EVENTS - before.length);
    assertInOrder(
      seenBy(resumed),
      new Map(before.map(({ orderId, orderVersion }) => [orderId, orderVersion])),
    );
    await resumed.cancel();
  }
});

test('a replica that has not heard of a resize learns of it before it delivers what lies beyond', async (t) => {
  const { brokers, topic, appendTo, resize } = await createTopicOfOrders(t);
  const settings = { KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic, ...RING, ...NEVER_BY_ITSELF };
  const { urls } = await startApp(t, 'stream-gateway', settings);
  const live = recordWatch(t, urls.grpc, FROM_EARLIEST);
  await live.signal('caughtUp');
  await appendTo(VERSIONS / 2, FORMER);
  const behind = recordWatch(t, urls.grpc, FROM_EARLIEST);
  const goOn = behind.hold();
  await behind.signal('started');
  const open = { subscription: `${topic}.${randomUUID()}`, maxUnacknowledgedEvents: 16 };
  const member = recordConsume(t, urls.grpc, open);
  await member.received(open.maxUnacknowledgedEvents);
  await live.events(EVENTS / 2);
  await resize();
  await appendTo(VERSIONS, LATTER);
  goOn();
  for (const stream of [live, behind]) {
    await stream.events(EVENTS);
    assertInOrder(seenBy(stream));
  }
  member.acknowledgeAll();
  // It has the partitions that it had: its group looks for others as rarely as the replica.
  await member.received(seenBy(live).filter(({ partition }) => partition < FORMER).length);
  assertInOrder(member.events());
});

/** The clients of a subscription: each handles its messages one by one, `pace` looks apart, and acknowledges what it has handled. */
function createClients(members: readonly { consumer: ConsumeRecording; pace: number }[]) {
  const handled: Seen[] = [];
  const clients = members.map(({ consumer, pace }) => {
    const share = consumer.partitions() ?? [];
    // What came before the other took its share is told again there.
    const isOwn = ({ partition }: Seen) => share.includes(partition);
    return { consumer, pace, isOwn, received: 0, done: 0, holds: [] as Seen[] };
  });
  type Client = (typeof clients)[number];

  function receive(client: Client): void {
    const events = client.consumer.messages.slice(client.received).flatMap((message) => message.events);
    client.received = client.consumer.messages.length;
    for (const event of events.filter(client.isOwn)) {
      const others = clients.filter((other) => other !== client).flatMap(({ holds }) => holds);
      const other = others.find(({ orderId }) => orderId === event.orderId);
      assert.ok(!other, `version ${event.orderVersion} came while another has ${other?.orderVersion}`);
      client.holds.push(event);
    }
  }

  function handle(client: Client): void {
    const message = client.consumer.messages[client.done];
    if (!message) return;
    client.done += 1;
    if (message.events.length === 0) return;
    const events = message.events.filter(client.isOwn);
    handled.push(...events);
    client.holds.splice(0, events.length);
    client.consumer.acknowledge(message);
  }

  return {
    handled,
    look(turn: number): void {
      for (const client of clients) receive(client);
      for (const client of clients) if (turn % client.pace === 0) handle(client);
    },
  };
}

test('no two members of a subscription have one order at a time, and each order comes in order', async (t) => {
  const { brokers, topic, appendTo, resize } = await createTopicOfOrders(t);
  await appendTo(VERSIONS / 2, FORMER);
  await resize();
  await appendTo(VERSIONS, LATTER);
  const settings = { KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic, ...RING };
  const gateways = await Promise.all([1, 2].map(() => startApp(t, 'stream-gateway', settings)));
  const open = { subscription: `${topic}.${randomUUID()}`, maxBatchSize: 16, maxUnacknowledgedEvents: 64 };
  const members = gateways.map(({ urls }, index) => ({
    consumer: recordConsume(t, urls.grpc, open),
    pace: index === 0 ? 1 : 7,
  }));
  const shares = await Promise.allSettled(members.map(({ consumer }) => consumer.hasPartitions(LATTER / 2)));
  // Why one has too many is told by the other, and by its gateway.
  const seen = shares.map((share, index) => [
    share.status === 'rejected' ? String(share.reason) : 'has its share',
    ...(gateways[index]?.logs() ?? []).slice(-20).map((line) => JSON.stringify(line)),
  ]);
  assert.ok(
    shares.every(({ status }) => status === 'fulfilled'),
    seen.flat().join('\n'),
  );
  const { look, handled } = createClients(members);
  for (let turn = 0; handled.length < EVENTS && turn < 20_000; turn += 1) {
    look(turn);
    await sleep(3);
  }
  assert.equal(handled.length, EVENTS);
  assertInOrder(handled);
});
