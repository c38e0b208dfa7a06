import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import test from 'node:test';
import { Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/index.ts';
import { startEventLoad } from '../testing/event-load.ts';
import { type TestGateway, startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';
import { openRawWatch } from '../testing/raw-watch.ts';
import { recordWatch } from '../testing/stream-recorder.ts';

const live = /^stream_watchers\{.*state="live"/;
const blocked = /^stream_watchers\{.*state="blocked"/;
const evictions = /^stream_ended_by_server_total\{.*reason="SLOW_CONSUMER"/;

async function produceMany({ produce }: TestGateway, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const events = Array.from({ length: Math.min(200, count - ids.length) }, () => orderEvent());
    await produce(...events);
    ids.push(...events.map(({ eventId }) => eventId));
  }
  return ids;
}

test('a client that takes nothing is cut off after the limit, and leaves nothing; its neighbour notices nothing', async (t) => {
  const gateway = await startGateway(t, { GATEWAY_BLOCKED_LIMIT_MS: '1000' });
  const healthy = gateway.watch();
  await healthy.signal('caughtUp');
  const stalled = openRawWatch(t, gateway.app.urls.grpc);
  await eventually(async () => assert.equal(await gateway.metric(evictions), 1));
  const expected = await produceMany(gateway, 1_000);
  const { status, resetCode } = await stalled.ended;
  assert.deepEqual([status, resetCode], [undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM]);
  await eventually(async () => {
    assert.equal(await gateway.metric(blocked), 0);
    assert.equal(await gateway.metric(live), 1);
  });
  assert.equal(
    await gateway.metric(/^grpc_server_handled_total\{.*WatchOrders.*code="RESOURCE_EXHAUSTED"/),
    1,
  );
  assert.equal(await gateway.metric(/^stream_evictions_total\{.*cause="blocked"/), 1);
  await healthy.events(expected.length);
  assert.deepEqual(healthy.eventIds().toSorted(), expected.toSorted());
});

test('a client that wakes up in time gets what was on its way, then why it ended, and goes on without a gap', async (t) => {
  const gateway = await startGateway(t, { GATEWAY_BLOCKED_LIMIT_MS: '2000' });
  const stalled = openRawWatch(t, gateway.app.urls.grpc, { maxBatchSize: 1 }, 40_000);
  await eventually(async () => assert.equal(await gateway.metric(live), 1));
  const expected = await produceMany(gateway, 400);
  await eventually(async () => assert.equal(await gateway.metric(evictions), 1));
  stalled.read();
  const { status, resumeToken, details } = await stalled.ended;
  assert.equal(status, Status.RESOURCE_EXHAUSTED);
  const messages = stalled.messages();
  assert.ok(messages.length > 5 && messages.length < expected.length, `${messages.length} messages`);
  assert.equal(resumeToken, messages.at(-1)?.resumeToken);
  assert.equal(details.info?.reason, 'SLOW_CONSUMER');
  assert.equal(details.info.metadata['resume_token'], resumeToken);
  assert.ok(Number(details.info.metadata['backlog_events']) > 0);
  assert.ok((details.retryDelayMs ?? 0) >= 1_000, 'it must not come back at once');

  const got = messages.flatMap(({ events }) => events.map(({ eventId }) => eventId));
  const start = { position: { $case: 'resumeToken', value: resumeToken ?? '' } } as const;
  const resumed = recordWatch(t, gateway.app.urls.grpc, { start });
  await resumed.events(expected.length - got.length);
  assert.deepEqual([...got, ...resumed.eventIds()].toSorted(), expected.toSorted());
});

const SMALL_WINDOW = { GATEWAY_SLOW_WINDOW_MS: '2000', GATEWAY_SLOW_BACKLOG_EVENTS: '100' };
/** Less than the load of these tests, however slow the machine. */
const WINDOW_BYTES = 16 * 1024;

test('a client that reads less than the log grows by is ended, and told why', async (t) => {
  const gateway = await startGateway(t, SMALL_WINDOW);
  const healthy = gateway.watch();
  const slow = openRawWatch(t, gateway.app.urls.grpc, {}, WINDOW_BYTES);
  slow.readSlowly(1_000);
  await healthy.signal('caughtUp');
  const load = startEventLoad(gateway.produce);
  t.after(() => load.stop());
  await eventually(async () =>
    assert.equal(await gateway.metric(/^stream_evictions_total\{.*cause="falling_behind"/), 1),
  );
  slow.read();
  const { status, resumeToken, details } = await slow.ended;
  assert.equal(status, Status.RESOURCE_EXHAUSTED);
  assert.equal(details.info?.reason, 'SLOW_CONSUMER');
  assert.equal(resumeToken, slow.messages().at(-1)?.resumeToken);
  await load.stop();
  const expected = load.eventIds();
  await healthy.events(expected.length);
  assert.deepEqual(healthy.eventIds().toSorted(), expected.toSorted());
});

test('a client that reads old events slowly comes nearer to the end, and is left alone', async (t) => {
  const gateway = await startGateway(t, SMALL_WINDOW);
  const expected = await produceMany(gateway, 2_000);
  const start = { position: { $case: 'earliest', value: true } } as const;
  const slow = openRawWatch(t, gateway.app.urls.grpc, { start }, WINDOW_BYTES);
  const startedMs = performance.now();
  slow.readSlowly(100);
  const got = await eventually(() => {
    const ids = slow.messages().flatMap(({ events }) => events.map(({ eventId }) => eventId));
    assert.equal(ids.length, expected.length);
    return ids;
  });
  assert.deepEqual(got.toSorted(), expected.toSorted());
  const elapsedMs = performance.now() - startedMs;
  assert.ok(elapsedMs > 4_000, `it took ${elapsedMs} ms: less than two windows prove nothing`);
  assert.equal(await gateway.metric(/^stream_evictions_total\{.*cause="falling_behind"/), 0);
});
