import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createLogReader, ensureTopic, keyHash } from '@order-events/messaging';
import { createOrderStreamClient, type OrderEvent, type StartPosition } from '@order-events/order-stream';
import { recordConsume } from '../../apps/stream-gateway/testing/consume-recorder.ts';
import { recordWatch } from '../../apps/stream-gateway/testing/stream-recorder.ts';
import type { OrderLoad } from '../../tools/load/order-load.ts';
import {
  type AppProcess,
  type EmbeddedKafkaCluster,
  startEmbeddedKafkaCluster,
} from '../../tools/stack/index.ts';
import { metricOf } from '../harness/app-metric.ts';
import { startApp } from '../harness/app-process.ts';
import { atFileEnd } from '../harness/file-end.ts';
import { createTestDatabase, eventually } from '../harness/index.ts';
import { paced } from '../harness/paced.ts';
import { startLoad } from '../harness/load.ts';
import { appEnv, type OrderAppsOptions, startOrderApps } from '../harness/order-apps.ts';
import { testName } from '../harness/test-name.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const PARTITIONS = 12;
const soon = { intervalMs: 100 };
/** No call waits for the partitions: five seconds of the quiet machine of reference, as slow as this one is at that moment. */
const inTime = () => ({ signal: AbortSignal.timeout(paced(5_000)) });
const LATEST = { position: { $case: 'latest', value: true } } as const;
const EARLIEST = { position: { $case: 'earliest', value: true } } as const;

let cluster: Promise<EmbeddedKafkaCluster> | undefined;

/** Three brokers for all tests of this file, which run one after the other; a topic is of one test. */
async function allBrokers(): Promise<EmbeddedKafkaCluster> {
  cluster ??= startEmbeddedKafkaCluster();
  const all = await cluster;
  // A test that failed may have left one dead.
  for (const node of all.nodes) if (node.pid === undefined) await node.start();
  return all;
}

atFileEnd(async () => (await cluster)?.kill());

/** Brokers that are each alone with a third of the partitions, and the product under load. */
async function setUp(t: TestContext) {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, nodes } = await allBrokers();
  const topic = testName(t);
  await ensureTopic(
    { brokers, clientId: 'test' },
    {
      ...{ topic, partitions: PARTITIONS, replicationFactor: 1 },
      config: { 'min.insync.replicas': '1' },
    },
  );
  const system = { databaseUrl, brokers, topic };
  const apps = await startOrderApps(t, system);
  const load = startLoad(t, { apiUrl: apps.api.urls.http!, workers: 8, changesPerSecond: 60 });
  return { system, node: nodes[2]!, ...apps, load };
}

test('the only broker of some partitions is away: the others are published and streamed, and everything comes when it is back', async (t) => {
  const { system, node, relay, gateway, load } = await setUp(t);
  const address = gateway.urls.grpc!;
  const published = () => metricOf(relay, 'outbox_published_total');
  const view = recordWatch(t, address, { start: EARLIEST });
  const work = recordConsume(t, address, { subscription: 'billing', start: EARLIEST });
  work.acknowledgeAll();
  await view.events(200);
  await work.received(200);
  const token = view.token();

  await node.kill();
  await eventually(async () => assert.equal(await metricOf(gateway, 'stream_partitions_waiting'), 4), soon);
  t.diagnostic('the gateway has noticed');
  await eventually(async () => {
    const status = await (await fetch(`${relay.urls.admin}/status`)).text();
    assert.match(status, /Kafka does not take events: LEADER_NOT_AVAILABLE/);
  }, soon);
  t.diagnostic('the relay has noticed');
  const [before, seen, worked] = [await published(), view.eventIds().length, work.eventIds().length];
  await eventually(async () => assert.ok((await published()) >= before + 200), soon);
  t.diagnostic('the relay goes on');
  await view.events(seen + 200);
  t.diagnostic('the view goes on');
  await work.received(worked + 200);
  t.diagnostic('the work goes on');
  assert.equal(await metricOf(gateway, 'stream_source_available'), 1);
  assert.equal((await fetch(`${relay.urls.admin}/readyz`)).status, 200);

  const resumed = recordWatch(t, address, {
    start: { position: { $case: 'resumeToken', value: token } },
    heartbeatInterval: { seconds: 1n },
  });
  await resumed.events(100);
  t.diagnostic('a stream was resumed');
  await node.start();
  await load.stop();
  const count = await assertTopicHoldsAll(system);
  for (const stream of [view, work]) {
    await eventually(() => assert.equal(new Set(stream.eventIds()).size, count), soon);
  }
  assert.equal(await metricOf(gateway, 'stream_partitions_waiting'), 0);
});

function connect(t: TestContext, address: string) {
  const { client, close } = createOrderStreamClient(address);
  t.after(close);
  return client;
}

/** Another gateway, which starts while the partitions have no leader. */
async function startMeanwhile(t: TestContext, system: OrderAppsOptions): Promise<AppProcess> {
  const gateway = await startApp(t, 'stream-gateway', appEnv(system)['stream-gateway']);
  await eventually(async () => assert.equal(await metricOf(gateway, 'stream_source_available'), 1), soon);
  assert.equal((await fetch(`${gateway.urls.admin}/readyz`)).status, 200);
  assert.equal(await metricOf(gateway, 'stream_partitions_waiting'), 4);
  return gateway;
}

/** Some events of all partitions, and then a third of these without a leader. */
async function loseLeaders(t: TestContext, prepare?: (address: string) => Promise<void>) {
  const product = await setUp(t);
  const { system, node, gateway } = product;
  const address = gateway.urls.grpc!;
  const view = recordWatch(t, address, { start: EARLIEST });
  await view.events(300);
  await prepare?.(address);
  await node.kill();
  await eventually(async () => assert.equal(await metricOf(gateway, 'stream_partitions_waiting'), 4), soon);
  const reader = createLogReader({ ...system, clientId: 'test' });
  t.after(() => reader.close());
  const { latest } = await reader.ends();
  const isLed = ({ orderId }: OrderEvent) => latest[keyHash(orderId) % PARTITIONS] !== undefined;
  const before = view.messages.flatMap(({ events }) => events);
  const ids = (events: readonly OrderEvent[]) => events.map(({ eventId }) => eventId);
  const ledBefore = ids(before.filter(isLed));
  assert.ok(ledBefore.length < before.length, 'some events are out of reach');
  return { ...product, address, view, ledBefore };
}

function assertHasAll(wanted: readonly string[], found: readonly string[]): void {
  const missing = new Set(wanted).difference(new Set(found));
  assert.equal(missing.size, 0, `${missing.size} of ${wanted.length} events are missing`);
}

/**
 * Of the changes that were accepted from one on, those that were certainly asked for later: a request for the first one of an order
 * may have been under way.
 */
function eventsSince(accepted: number, load: OrderLoad, view: ReturnType<typeof recordWatch>): string[] {
  const later = [...Map.groupBy(load.accepted.slice(accepted), ({ orderId }) => orderId).values()];
  const changes = new Set(later.flatMap(([, ...rest]) => rest.map((one) => `${one.orderId} ${one.version}`)));
  const events = view.messages.flatMap((message) => message.events);
  const since = events.filter(({ orderId, orderVersion }) => changes.has(`${orderId} ${orderVersion}`));
  assert.ok(since.length > 0);
  return since.map(({ eventId }) => eventId);
}

function assertNoneTwiceNorGap(stream: {
  eventIds(): string[];
  readonly messages: readonly { readonly signal?: { readonly $case: string } | undefined }[];
}): void {
  assert.equal(new Set(stream.eventIds()).size, stream.eventIds().length);
  assert.ok(!stream.messages.some(({ signal }) => signal?.$case === 'gap'));
}

test('what begins while the only broker of some partitions is away begins with the others, and gets the rest when it is back', async (t) => {
  const { system, node, address, load, view, ledBefore } = await loseLeaders(t);
  const started = await startMeanwhile(t, system);
  const both = [address, started.urls.grpc!];
  const watchAt = (position: NonNullable<StartPosition['position']>) =>
    both.map((each) =>
      recordWatch(t, each, { start: { position }, heartbeatInterval: { seconds: 1n }, allowGap: true }),
    );
  const firstToken = view.messages[0]!.resumeToken;
  const ranges = await Promise.all(both.map((each) => connect(t, each).getReplayRange({}, inTime())));
  const fromBeginning = [
    ...watchAt(EARLIEST.position),
    ...watchAt({ $case: 'startTime', value: new Date(Date.now() - 3_600_000) }),
    ...watchAt({ $case: 'resumeToken', value: firstToken }),
    ...ranges.flatMap(({ earliestToken }) => watchAt({ $case: 'resumeToken', value: earliestToken })),
  ];
  const fromNow = [
    ...watchAt({ $case: 'latest', value: true }),
    ...ranges.flatMap(({ latestToken }) => watchAt({ $case: 'resumeToken', value: latestToken })),
  ];
  for (const stream of fromNow) await stream.signal('started');
  const acceptedBefore = load.accepted.length;
  for (const stream of fromBeginning) {
    await eventually(() => assertHasAll(ledBefore, stream.eventIds()), soon);
    assert.ok(!stream.messages.some(({ signal }) => signal?.$case === 'caughtUp'));
  }
  t.diagnostic('all of the others has been delivered');
  const resumed = fromBeginning.map((stream, index) => {
    const position = { $case: 'resumeToken', value: stream.token() } as const;
    const handled = stream.eventIds();
    return { stream: recordWatch(t, both[(index + 1) % 2]!, { start: { position } }), handled };
  });
  await node.start();
  await load.stop();
  const count = await assertTopicHoldsAll(system);
  await eventually(() => assert.equal(new Set(view.eventIds()).size, count), soon);
  for (const stream of fromBeginning) {
    await eventually(() => assert.equal(new Set(stream.eventIds()).size, count), soon);
    await stream.signal('caughtUp');
    assertNoneTwiceNorGap(stream);
  }
  for (const { stream, handled } of resumed) {
    await eventually(() => assertHasAll(view.eventIds(), [...handled, ...stream.eventIds()]), soon);
    assert.equal(new Set(handled).intersection(new Set(stream.eventIds())).size, 0);
    assertNoneTwiceNorGap(stream);
  }
  const since = eventsSince(acceptedBefore, load, view);
  for (const stream of fromNow) {
    await eventually(() => assertHasAll(since, stream.eventIds()), soon);
    await stream.signal('caughtUp');
    assertNoneTwiceNorGap(stream);
  }
  assert.equal(await metricOf(started, 'stream_partitions_waiting'), 0);
});

test('subscriptions begin, move and are looked at while the only broker of some partitions is away, and get the rest when it is back', async (t) => {
  const { system, node, address, load, view, ledBefore } = await loseLeaders(t, async (before) => {
    const consumer = recordConsume(t, before, { subscription: 'idle' });
    consumer.acknowledgeAll();
    await consumer.received(100);
    await consumer.cancel();
  });
  const started = await startMeanwhile(t, system);
  const both = [address, started.urls.grpc!];
  const clients = both.map((each) => connect(t, each));
  for (const client of clients) {
    // Each broker keeps some of them: until Kafka has given up the one that is away, nobody can tell which there are.
    const { subscriptions } = await eventually(() => client.listSubscriptions({}, inTime()), soon);
    const { subscription } = await eventually(() => client.getSubscription({ name: 'idle' }, inTime()), soon);
    assert.deepEqual(
      subscriptions.map(({ name }) => name),
      ['idle'],
    );
    assert.ok(subscription!.backlogEvents > 0n);
    // Its consumer has left; where the group's broker went with the partitions, the next one knows only after the session.
    const latest = await eventually(
      () => client.seekSubscription({ name: 'idle', position: LATEST }, inTime()),
      soon,
    );
    const earliest = await client.seekSubscription({ name: 'idle', position: EARLIEST }, inTime());
    assert.ok(earliest.subscription!.backlogEvents > latest.subscription!.backlogEvents);
  }
  await clients[0]!.seekSubscription({ name: 'idle', filter: {} }, inTime());
  const fromBeginning = [
    recordConsume(t, address, { subscription: 'idle' }),
    ...both.map((each, index) => recordConsume(t, each, { subscription: `new-${index}`, start: EARLIEST })),
  ];
  const fromNow = both.map((each, index) =>
    recordConsume(t, each, { subscription: `latest-${index}`, start: LATEST }),
  );
  for (const stream of [...fromBeginning, ...fromNow]) {
    stream.acknowledgeAll();
    await stream.signal('assignmentChanged');
  }
  const acceptedBefore = load.accepted.length;
  for (const stream of fromBeginning)
    await eventually(() => assertHasAll(ledBefore, stream.eventIds()), soon);
  t.diagnostic('all of the others has been delivered');
  await node.start();
  await load.stop();
  const count = await assertTopicHoldsAll(system);
  await eventually(() => assert.equal(new Set(view.eventIds()).size, count), soon);
  for (const stream of fromBeginning) {
    await eventually(() => assert.equal(new Set(stream.eventIds()).size, count), soon);
  }
  const since = eventsSince(acceptedBefore, load, view);
  for (const stream of fromNow) await eventually(() => assertHasAll(since, stream.eventIds()), soon);
  for (const stream of [...fromBeginning, ...fromNow]) {
    await stream.hasPartitions(PARTITIONS);
    assertNoneTwiceNorGap(stream);
  }
  const states = await Promise.all(
    ['idle', 'new-0', 'new-1', 'latest-0', 'latest-1'].map((name) =>
      eventually(async () => {
        const { subscription } = await clients[1]!.getSubscription({ name }, inTime());
        assert.equal(subscription?.backlogEvents, 0n);
        return subscription;
      }, soon),
    ),
  );
  assert.equal(new Set(states.map(({ committedToken }) => committedToken)).size, 1);
});
