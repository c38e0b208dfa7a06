import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import test from 'node:test';
import { Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/index.ts';
import { type TestGateway, startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';
import { openRawWatch } from '../testing/raw-watch.ts';
import { recordWatch } from '../testing/stream-recorder.ts';

const PATIENCE = { deadlineMs: 30_000 };
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
  await eventually(async () => assert.equal(await gateway.metric(evictions), 1), PATIENCE);
  const expected = await produceMany(gateway, 1_000);
  const { status, resetCode } = await stalled.ended;
  assert.deepEqual([status, resetCode], [undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM]);
  await eventually(async () => {
    assert.equal(await gateway.metric(blocked), 0);
    assert.equal(await gateway.metric(live), 1);
  }, PATIENCE);
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
  await eventually(async () => assert.equal(await gateway.metric(live), 1), PATIENCE);
  const expected = await produceMany(gateway, 400);
  await eventually(async () => assert.equal(await gateway.metric(evictions), 1), PATIENCE);
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
