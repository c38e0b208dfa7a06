import assert from 'node:assert/strict';
import test from 'node:test';
import { createOrderStreamClient, decodeErrorDetails, type ErrorDetails } from '@order-events/order-stream';
import { ClientError, type Metadata, Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/index.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';
import { recordWatch } from '../testing/stream-recorder.ts';
import { startVanishingProxy } from '../testing/vanishing-proxy.ts';

const live = /^stream_watchers\{.*state="live"/;

test('one stream more than a connection may have is refused at once and not queued; other calls go on', async (t) => {
  const { app, watch } = await startGateway(t, { GATEWAY_MAX_STREAMS_PER_CONNECTION: '2' });
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  const streams = [client.watchOrders({}), client.watchOrders({})].map((call) =>
    call[Symbol.asyncIterator](),
  );
  for (const stream of streams) await stream.next();
  let details: ErrorDetails = {};
  const onTrailer = (trailer: Metadata) => (details = decodeErrorDetails(trailer));
  await assert.rejects(client.watchOrders({}, { onTrailer })[Symbol.asyncIterator]().next(), {
    code: Status.RESOURCE_EXHAUSTED,
  });
  assert.equal(details.info?.reason, 'TOO_MANY_STREAMS_OF_CONNECTION');
  assert.ok((details.retryDelayMs ?? 0) >= 1_000);
  await eventually(() => client.getReplayRange({}));
  await watch().signal('started');

  await streams[0]?.return?.();
  await eventually(() => client.watchOrders({})[Symbol.asyncIterator]().next());
});

test('one address has no more streams than it may have, over all its connections', async (t) => {
  const { watch } = await startGateway(t, { GATEWAY_MAX_STREAMS_PER_PRINCIPAL: '2' });
  await Promise.all([watch().signal('started'), watch().signal('started')]);
  const { code, trailer } = await watch().ended;
  assert.equal(code, Status.RESOURCE_EXHAUSTED);
  assert.equal(decodeErrorDetails(trailer).info?.reason, 'TOO_MANY_STREAMS_OF_PRINCIPAL');
});

test('a request that is too large is refused, and its neighbour on the connection goes on', async (t) => {
  const { app, produce } = await startGateway(t);
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  const healthy = client.watchOrders({})[Symbol.asyncIterator]();
  await healthy.next();
  const orderIds = ['x'.repeat(1024 * 1024)];
  await assert.rejects(
    client.watchOrders({ filter: { orderIds } })[Symbol.asyncIterator]().next(),
    (error) => {
      assert.ok(error instanceof ClientError && error.code === Status.RESOURCE_EXHAUSTED, String(error));
      return /larger than max/.test(error.details);
    },
  );
  const event = orderEvent();
  await produce(event);
  for (let ids: string[] = []; !ids.includes(event.eventId);) {
    const { value } = await healthy.next();
    ids = value.events.map(({ eventId }: { eventId: string }) => eventId);
  }
});

for (const how of ['discards', 'reads nothing'] as const) {
  test(`a client that vanished without a word is dropped, and leaves nothing: its network ${how}`, async (t) => {
    const gateway = await startGateway(t, {
      GATEWAY_KEEPALIVE_MS: '1000',
      GATEWAY_KEEPALIVE_TIMEOUT_MS: '500',
    });
    const healthy = gateway.watch();
    const proxy = await startVanishingProxy(t, gateway.app.urls.grpc);
    const lost = recordWatch(t, proxy.address);
    await Promise.all([healthy.signal('caughtUp'), lost.signal('caughtUp')]);
    await eventually(async () => assert.equal(await gateway.metric(live), 2));
    const handles = await gateway.metric(/^nodejs_active_handles_total/);
    proxy.vanish(how);
    const expected: string[] = [];
    // More than what the sockets on the way can hold.
    for (let round = 0; round < 40; round += 1) {
      const events = Array.from({ length: 250 }, () => orderEvent());
      expected.push(...events.map(({ eventId }) => eventId));
      await gateway.produce(...events);
    }
    await eventually(async () => {
      const [streams, blocked] = [
        await gateway.metric(live),
        await gateway.metric(/^stream_watchers\{.*"blocked"/),
      ];
      assert.deepEqual([streams, blocked], [1, 0]);
      assert.ok(((await gateway.metric(/^nodejs_active_handles_total/)) ?? 0) < (handles ?? 0));
    });
    await healthy.events(expected.length);
    assert.deepEqual(healthy.eventIds().toSorted(), expected.toSorted());
  });
}
