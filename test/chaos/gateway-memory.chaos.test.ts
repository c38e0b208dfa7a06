import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startEventLoad } from '../../apps/stream-gateway/testing/event-load.ts';
import { createEventProducer } from '../../apps/stream-gateway/testing/event-producer.ts';
import { startTroubledClients } from '../../apps/stream-gateway/testing/troubled-clients.ts';
import { createTestTopic, eventually, startApp } from '../harness/index.ts';
import { paced } from '../harness/paced.ts';
import {
  growthPerSecond,
  type MemorySample,
  openConnections,
  residentBytes,
} from '../harness/memory-trend.ts';
import { metricOf } from '../harness/app-metric.ts';
import { assertComplete } from '../watch-validation/read-to-end.ts';
import { readTopicLog } from '../watch-validation/read-topic-log.ts';
import { recordClient } from '../watch-validation/record-client.ts';
import { longestSilenceMs } from '../watch-validation/watch-guarantees.ts';

/** Ten minutes by hand: SOAK_MS=600000. */
const DURATION_MS = Number(process.env['SOAK_MS'] ?? 30_000);
/** Caches and the heap fill at first. */
const WARM_UP_MS = Math.min(DURATION_MS / 3, 60_000);
/** Over the time that is judged, however long it is. */
const MAX_GROWTH_BYTES = 12 * 1024 * 1024;
const SAMPLE_EVERY_MS = 500;
const TROUBLED_OF_EACH = 10;
const MAX_SILENCE_MS = 10_000;
const SETTINGS = {
  GATEWAY_RING_BYTES: '1048576',
  GATEWAY_HISTORY_BYTES: '1048576',
  // Vanished clients are found, and clients that take nothing are ended, while the test looks on.
  GATEWAY_KEEPALIVE_MS: '3000',
  GATEWAY_KEEPALIVE_TIMEOUT_MS: '2000',
  GATEWAY_BLOCKED_LIMIT_MS: '15000',
  // With room to spare the heap is collected seldom, and its waves would hide a trend.
  NODE_OPTIONS: '--max-old-space-size=96 --max-semi-space-size=4',
};

test('slow, stalled and vanished clients: the memory stays, and their neighbours notice nothing', async (t) => {
  const { brokers, topic } = await createTestTopic(t);
  const gateway = await startApp(t, 'stream-gateway', {
    ...{ KAFKA_BROKERS: brokers.join(), KAFKA_TOPIC: topic },
    ...SETTINGS,
  });
  const address = gateway.urls.grpc;
  const neighbours = ['customer-1', 'customer-2', 'customer-3'].map((customer) =>
    recordClient(t, {
      client: customer,
      address,
      filter: { customerIds: [customer] },
      heartbeatIntervalMs: 1_000,
    }),
  );
  await Promise.all(neighbours.map(({ started }) => started));
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  const connectionsBefore = await openConnections(port);
  assert.ok(connectionsBefore > 0);
  const { produce } = await createEventProducer(t, { brokers, topic });
  const load = startEventLoad(produce);
  t.after(() => load.stop());
  const troubled = startTroubledClients(address, TROUBLED_OF_EACH);
  t.after(() => troubled.stop());

  const samples: MemorySample[] = [];
  const endAtMs = performance.now() + DURATION_MS;
  while (performance.now() < endAtMs) {
    samples.push({ atMs: performance.now(), bytes: await residentBytes(gateway.pid) });
    await pause(SAMPLE_EVERY_MS);
  }
  await Promise.all([load.stop(), troubled.stop()]);

  const judged = samples.filter(({ atMs }) => atMs > endAtMs - DURATION_MS + WARM_UP_MS);
  const growthBytes = growthPerSecond(judged) * ((DURATION_MS - WARM_UP_MS) / 1000);
  t.diagnostic(report(judged, growthBytes));
  t.diagnostic(`${JSON.stringify(troubled.counts)}, ${load.eventIds().length} events`);
  assert.ok(growthBytes < MAX_GROWTH_BYTES, `the memory grew by ${megabytes(growthBytes)} MB`);
  const { ended: _, ...kinds } = troubled.counts;
  for (const [kind, count] of Object.entries(kinds)) assert.ok(count > 0, `none was ${kind}`);

  const log = await readTopicLog({ brokers, topic });
  const histories = () => neighbours.map((neighbour) => neighbour.history());
  await eventually(() => assertComplete(histories(), log));
  for (const history of histories()) {
    const silenceMs = longestSilenceMs(history);
    assert.ok(silenceMs < paced(MAX_SILENCE_MS), `${history.client} heard nothing for ${silenceMs} ms`);
  }
  for (const { interruptions } of neighbours) assert.deepEqual(interruptions, []);
  await eventually(async () => {
    assert.equal(await metricOf(gateway, 'stream_watchers'), neighbours.length);
    assert.equal(await openConnections(port), connectionsBefore, 'sockets of clients that are gone are open');
  });
  const warnings = gateway.logs().filter((line) => /MaxListeners|call failed/.test(JSON.stringify(line)));
  assert.deepEqual(warnings, []);
});

function report(samples: readonly MemorySample[], growthBytes: number): string {
  const sizes = samples.map(({ bytes }) => bytes);
  return (
    `memory in tenths of the time: ${tenthsOf(sizes).map(megabytes).join(' ')} MB, from ${megabytes(Math.min(...sizes))} to ${megabytes(Math.max(...sizes))} MB, ` +
    `by its trend ${megabytes(growthBytes)} MB more after ${Math.round((DURATION_MS - WARM_UP_MS) / 1000)} s`
  );
}

/** The mean of each tenth. */
function tenthsOf(values: readonly number[]): number[] {
  const size = Math.ceil(values.length / 10);
  const tenths = Array.from({ length: 10 }, (_, index) => values.slice(index * size, (index + 1) * size));
  return tenths.map((some) => some.reduce((sum, value) => sum + value, 0) / some.length);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
