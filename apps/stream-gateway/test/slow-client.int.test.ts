import assert from 'node:assert/strict';
import test from 'node:test';
import { createOrderStreamClient } from '@order-events/order-stream';
import { eventually } from '../../../test/harness/index.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';

const EVENTS = 6_000;
/** What the windows of HTTP/2 and the queues of 16 messages on both sides can hold, and then some. */
const MAX_MESSAGES_IN_FLIGHT = 1_500;

test('a client that takes nothing holds up nobody, costs the server little, and misses nothing when it goes on', async (t) => {
  const { app, watch, produce, metric } = await startGateway(t, { GATEWAY_RING_BYTES: '1048576' });
  const healthy = watch();
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  const slow = client.watchOrders({ maxBatchSize: 1 })[Symbol.asyncIterator]();
  t.after(() => slow.return?.());
  await Promise.all([slow.next(), healthy.signal('caughtUp')]);

  const expected: string[] = [];
  for (let round = 0; round < EVENTS / 200; round += 1) {
    const events = Array.from({ length: 200 }, () => orderEvent());
    expected.push(...events.map(({ eventId }) => eventId));
    await produce(...events);
  }
  await healthy.events(EVENTS);
  assert.deepEqual(healthy.eventIds().toSorted(), expected.toSorted());
  await eventually(async () => {
    assert.equal(await metric(/^stream_watchers\{.*state="blocked"/), 1);
    assert.equal(await metric(/^stream_watchers\{.*state="live"/), 1);
  });
  const sent = (await metric(/^stream_messages_sent_total/)) ?? Number.NaN;
  const sentToSlow = sent - healthy.messages.length;
  assert.ok(sentToSlow < MAX_MESSAGES_IN_FLIGHT, `${sentToSlow} messages wait for the slow client`);

  const got: string[] = [];
  const signals: string[] = [];
  while (got.length < EVENTS) {
    const { value, done } = await slow.next();
    assert.ok(!done);
    got.push(...value.events.map(({ eventId }) => eventId));
    if (value.signal) signals.push(value.signal.$case);
  }
  assert.deepEqual(got.toSorted(), expected.toSorted());
  assert.ok(signals.includes('fellBehind'), signals.join(', '));
});
