import assert from 'node:assert/strict';
import test from 'node:test';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';

const STREAMS = 40;
const EVENTS = 6_000;
const EVENTS_AT_ONCE = 500;
const MOST_TIMES_OF_ONE = 1.5;

test('streams with different filters that catch up together ask Kafka about as often as one', async (t) => {
  // Several times what is kept in memory.
  const gateway = await startGateway(t, { GATEWAY_RING_BYTES: '1048576', GATEWAY_HISTORY_BYTES: '1048576' });
  const events = Array.from({ length: EVENTS }, (_, index) =>
    orderEvent({ customerId: `customer-${index % STREAMS}`, items: 10 }),
  );
  for (let from = 0; from < EVENTS; from += EVENTS_AT_ONCE) {
    await gateway.produce(...events.slice(from, from + EVENTS_AT_ONCE));
  }
  const fetches = async () => (await gateway.metric(/^stream_history_fetches_total/)) ?? Number.NaN;
  const start = { position: { $case: 'earliest' as const, value: true } };

  await gateway.watch({ start }).events(EVENTS);
  const ofOne = await fetches();
  assert.ok(ofOne > 10, `${ofOne} fetches: most was in memory`);

  const streams = Array.from({ length: STREAMS }, (_, customer) =>
    gateway.watch({ start, filter: { customerIds: [`customer-${customer}`] } }),
  );
  const received = await Promise.all(streams.map((stream) => stream.events(EVENTS / STREAMS)));
  const ofAll = (await fetches()) - ofOne;
  assert.ok(ofAll <= MOST_TIMES_OF_ONE * ofOne, `${ofAll} fetches of all, ${ofOne} of one`);
  assert.deepEqual(received.flat().toSorted(), events.map(({ eventId }) => eventId).toSorted());
});
