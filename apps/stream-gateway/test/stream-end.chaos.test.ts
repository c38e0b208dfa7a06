import assert from 'node:assert/strict';
import test from 'node:test';
import {
  createOrderStreamClient,
  decodeErrorDetails,
  RESUME_TOKEN_TRAILER,
} from '@order-events/order-stream';
import { Status } from 'nice-grpc-common';
import { eventually, startApp } from '../../../test/harness/index.ts';
import { startEventLoad } from '../testing/event-load.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { watchHealth } from '../testing/gateway-health.ts';
import { orderEvent } from '../testing/order-events.ts';
import { recordWatch } from '../testing/stream-recorder.ts';

test('SIGTERM under load: every stream is told, ends with its token, and loses nothing on another replica', async (t) => {
  const { app, watch, produce, settings } = await startGateway(t);
  const other = await startApp(t, 'stream-gateway', settings);
  const streams = Array.from({ length: 60 }, () => watch());
  await Promise.all(streams.map((stream) => stream.signal('caughtUp')));
  const health = endOf(watchHealth(app.urls.grpc));
  const load = startEventLoad(produce);
  await streams[0]!.events(20);

  app.kill('SIGTERM');
  const ends = await Promise.all(streams.map(({ ended }) => ended));
  assert.deepEqual(await app.exited, { code: 0, signal: null });
  await load.stop();
  for (const [index, { code, trailer }] of ends.entries()) {
    assert.equal(code, Status.UNAVAILABLE);
    assert.equal(trailer.get(RESUME_TOKEN_TRAILER), streams[index]!.token());
    const { info, retryDelayMs } = decodeErrorDetails(trailer);
    assert.deepEqual([info?.reason, retryDelayMs], ['DRAINING', 0]);
    const draining = await streams[index]!.signal('draining');
    assert.ok(draining.signal?.$case === 'draining' && draining.signal.value.reconnectDelay);
  }
  assert.match(String(await health), /UNAVAILABLE: this server is stopping/);

  const expected = load.eventIds().toSorted();
  await Promise.all(
    streams.map(async (stream) => {
      const start = { position: { $case: 'resumeToken', value: stream.token() } } as const;
      const resumed = recordWatch(t, other.urls.grpc, { start });
      await eventually(() =>
        assert.equal(stream.eventIds().length + resumed.eventIds().length, expected.length),
      );
      assert.deepEqual([...stream.eventIds(), ...resumed.eventIds()].toSorted(), expected);
      await resumed.cancel();
    }),
  );
});

test('while it drains a gateway refuses new streams and is not ready', async (t) => {
  const { app, watch } = await startGateway(t, { GATEWAY_STOP_DEADLINE_MS: '20000' });
  const streams = Array.from({ length: 300 }, () => watch());
  await Promise.all(streams.map((stream) => stream.signal('caughtUp')));
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  await client.getReplayRange({});
  const health = watchHealth(app.urls.grpc);
  assert.equal((await health.next()).value, 'SERVING');

  // When each ends, whatever this test waits for meanwhile.
  const endings = streams.map(async ({ ended }) => {
    assert.equal((await ended).code, Status.UNAVAILABLE);
    return performance.now();
  });
  app.kill('SIGTERM');
  assert.equal((await health.next()).value, 'NOT_SERVING');
  assert.equal((await fetch(`${app.urls.admin}/readyz`)).status, 503);
  await assert.rejects(client.getReplayRange({}), { code: Status.UNAVAILABLE });
  const refused = await watch().ended;
  assert.equal(refused.code, Status.UNAVAILABLE);
  assert.ok((decodeErrorDetails(refused.trailer).retryDelayMs ?? 0) >= 1_000);
  const endedMs = await Promise.all(endings);
  // 300 streams at 100 a second.
  const spreadMs = Math.max(...endedMs) - Math.min(...endedMs);
  assert.ok(spreadMs > 1_500, `all clients come back within ${spreadMs} ms`);
  assert.equal((await app.exited).code, 0);
});

test('a client that takes nothing does not keep the gateway from stopping', async (t) => {
  const { app, watch, produce } = await startGateway(t, { GATEWAY_STOP_DEADLINE_MS: '3000' });
  const healthy = watch();
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  const stalled = client.watchOrders({ maxBatchSize: 1 })[Symbol.asyncIterator]();
  await Promise.all([stalled.next(), healthy.signal('caughtUp')]);
  for (let round = 0; round < 20; round += 1) {
    await produce(...Array.from({ length: 100 }, () => orderEvent()));
  }
  await healthy.events(2_000);
  app.kill('SIGTERM');
  assert.equal((await healthy.ended).code, Status.UNAVAILABLE);
  assert.deepEqual(await app.exited, { code: 0, signal: null });
});

test('a stream that is old enough is sent elsewhere with its token', async (t) => {
  const { watch, produce } = await startGateway(t, { GATEWAY_MAX_WATCH_AGE_MS: '1000' });
  const event = orderEvent();
  // There before the stream is, so that its age alone decides what comes first.
  await produce(event);
  const stream = watch({ start: { position: { $case: 'earliest', value: true } } });
  const { code, trailer } = await stream.ended;
  await stream.signal('draining');
  assert.equal(code, Status.UNAVAILABLE);
  assert.equal(decodeErrorDetails(trailer).info?.reason, 'WATCH_AGE_REACHED');
  assert.equal(trailer.get(RESUME_TOKEN_TRAILER), stream.token());
  assert.deepEqual(stream.eventIds(), [event.eventId]);
});

test('a gateway killed again and again under load costs its clients no event and repeats none', async (t) => {
  const { app, settings, watch, produce } = await startGateway(t);
  const port = app.urls.grpc.split(':').at(-1) ?? '';
  let stream = watch();
  await stream.signal('caughtUp');
  const load = startEventLoad(produce);
  const delivered: string[] = [];
  let running = app;
  for (let kill = 0; kill < 4; kill += 1) {
    await stream.events(30);
    running.kill('SIGKILL');
    await Promise.all([running.exited, stream.ended]);
    delivered.push(...stream.eventIds());
    const start = { position: { $case: 'resumeToken', value: stream.token() } } as const;
    running = await startApp(t, 'stream-gateway', { ...settings, GATEWAY_PORT: port });
    stream = recordWatch(t, running.urls.grpc, { start });
  }
  await load.stop();
  const expected = load.eventIds().toSorted();
  await stream.events(expected.length - delivered.length);
  assert.deepEqual([...delivered, ...stream.eventIds()].toSorted(), expected);
});

/** What an endless stream ends with. */
async function endOf(stream: AsyncIterable<unknown>): Promise<unknown> {
  try {
    for await (const _ of stream);
  } catch (error) {
    return error;
  }
  return undefined;
}
