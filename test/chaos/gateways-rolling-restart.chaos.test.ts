import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startEventLoad } from '../../apps/stream-gateway/testing/event-load.ts';
import { createEventProducer } from '../../apps/stream-gateway/testing/event-producer.ts';
import { startGatewayReplicas } from '../harness/gateway-replicas.ts';
import { createTestTopic, eventually } from '../harness/index.ts';
import { assertComplete } from '../watch-validation/read-to-end.ts';
import { readTopicLog } from '../watch-validation/read-topic-log.ts';
import { type RecordedClient, recordClient } from '../watch-validation/record-client.ts';

const WATCHERS = 200;
const CUSTOMERS = 20;
const LOAD_PAUSE_MS = 50;
/** 100 streams a second are sent elsewhere. */
const WINDOW_MS = 2_000;
const BUCKET_MS = 200;
/** Of all reconnects; an even spread puts a tenth into each bucket, and this machine's pauses move some together. */
const MAX_SHARE = 0.4;

test('three gateways restarted one after the other: no gap, and the reconnects are spread over the drain', async (t) => {
  const { brokers, topic } = await createTestTopic(t);
  const gateways = await startGatewayReplicas(t, 3, {
    KAFKA_BROKERS: brokers.join(),
    KAFKA_TOPIC: topic,
  });
  // All on one, so that its drain has a length; then wherever they come to.
  let address = () => gateways.addresses[0]!;
  const watchers = Array.from({ length: WATCHERS }, (_, index) =>
    recordClient(t, {
      client: `watcher ${index}`,
      address: () => address(),
      filter: index % 20 === 0 ? {} : { customerIds: [`customer-${index % CUSTOMERS}`] },
      heartbeatIntervalMs: 2_000,
    }),
  );
  await Promise.all(watchers.map(({ started }) => started));
  const { produce } = await createEventProducer(t, { brokers, topic });
  const load = startEventLoad(produce, LOAD_PAUSE_MS);
  t.after(() => load.stop());

  address = gateways.anyAddress;
  const histograms: number[][] = [];
  for (const index of gateways.addresses.keys()) {
    const fromMs = performance.now();
    await gateways.restart(index, 'SIGTERM');
    histograms.push(interruptionsByTime(watchers, fromMs));
    const open = () =>
      watchers.filter((watcher) => watcher.history().streams.at(-1)?.endedAtMs === undefined);
    await eventually(() => assert.equal(open().length, WATCHERS));
  }
  await load.stop();

  const log = await readTopicLog({ brokers, topic });
  await eventually(
    () =>
      assertComplete(
        watchers.map((watcher) => watcher.history()),
        log,
      ),
    {
      intervalMs: 500,
    },
  );
  for (const histogram of histograms)
    t.diagnostic(`reconnects in each ${BUCKET_MS} ms: ${histogram.join(' ')}`);
  const [first = []] = histograms;
  const share = Math.max(...first) / WATCHERS;
  assert.ok(
    share <= MAX_SHARE,
    `${Math.round(share * 100)} % of the streams reconnect within ${BUCKET_MS} ms`,
  );
  const announced = announcedDelaysMs(watchers);
  assert.ok(announced.length >= WATCHERS);
  assert.ok(Math.max(...announced) <= WINDOW_MS);
  t.diagnostic(`${log.partitions.flat().length} events, ${announced.length} streams were sent elsewhere`);
});

/** How many streams were lost in each piece of time since `fromMs`. */
function interruptionsByTime(watchers: readonly RecordedClient[], fromMs: number): number[] {
  const counts: number[] = [];
  const times = watchers.flatMap(({ interruptions }) => interruptions.map(({ atMs }) => atMs - fromMs));
  for (const time of times.filter((ms) => ms >= 0)) {
    const bucket = Math.floor(time / BUCKET_MS);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return Array.from(counts, (count) => count ?? 0);
}

/** What the gateways told their streams to wait. */
function announcedDelaysMs(watchers: readonly RecordedClient[]): number[] {
  const messages = watchers.flatMap((watcher) =>
    watcher.history().streams.flatMap((stream) => stream.messages),
  );
  return messages.flatMap(({ message: { signal } }) => {
    if (signal?.$case !== 'draining' || !signal.value.reconnectDelay) return [];
    const { seconds, nanos } = signal.value.reconnectDelay;
    return [Number(seconds) * 1000 + nanos / 1e6];
  });
}
