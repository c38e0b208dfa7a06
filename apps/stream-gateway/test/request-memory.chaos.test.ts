import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import {
  createOrderStreamClient,
  decodeErrorDetails,
  type ErrorDetails,
  type OrderFilter,
} from '@order-events/order-stream';
import { type CallOptions, ClientError, type Metadata, Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/index.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';
import { INSPECTED, inspectMemory } from '../testing/process-memory.ts';

const HEAP_MB = 256;
const STREAMS = 500;

/** As large as one may be; those of another name have nothing in common. */
function largestFilter(name: string): Partial<OrderFilter> {
  const ids = (kind: string) =>
    Array.from({ length: 1_000 }, (_, index) => `${kind}-${name}-${index}-`.padEnd(200, 'x'));
  return { orderIds: ids('order'), customerIds: ids('customer') };
}

type Opened = { readonly isOpen: true } | { readonly isOpen: false; readonly details: ErrorDetails };

/** Opens streams on one connection and answers what became of each. */
function openStreams(t: TestContext, address: string) {
  const { client, close } = createOrderStreamClient(address);
  t.after(close);

  async function firstOf(call: (options: CallOptions) => AsyncIterable<unknown>): Promise<Opened> {
    let details: ErrorDetails = {};
    const onTrailer = (trailer: Metadata) => (details = decodeErrorDetails(trailer));
    try {
      await call({ onTrailer })[Symbol.asyncIterator]().next();
      return { isOpen: true };
    } catch (error) {
      assert.ok(error instanceof ClientError && error.code === Status.RESOURCE_EXHAUSTED, String(error));
      return { isOpen: false, details };
    }
  }

  return {
    watch: (filter: Partial<OrderFilter>) => firstOf((options) => client.watchOrders({ filter }, options)),
    consume: (maxUnacknowledgedEvents: number) =>
      firstOf((options) => client.consumeOrders(consumerOf(maxUnacknowledgedEvents), options)),
  };
}

async function* consumerOf(maxUnacknowledgedEvents: number) {
  yield { request: { $case: 'open' as const, value: { subscription: 'memory', maxUnacknowledgedEvents } } };
  await new Promise(() => {});
}

test('filters that are too many for the memory are refused with a reason, and the streams beside go on', async (t) => {
  const gateway = await startGateway(t, { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` });
  const healthy = gateway.watch();
  await healthy.signal('caughtUp');
  const open = openStreams(t, gateway.app.urls.grpc);
  const refusals: ErrorDetails[] = [];
  for (let stream = 0; stream < STREAMS; stream += 1) {
    const opened = await open.watch(largestFilter(String(stream)));
    if (!opened.isOpen) refusals.push(opened.details);
  }
  const opened = STREAMS - refusals.length;
  t.diagnostic(`${opened} watches with filters of their own`);
  assert.ok(opened > 50 && refusals.length > 0, `${opened} of ${STREAMS} were let in`);
  assert.equal(refusals.at(-1)?.info?.reason, 'REQUEST_MEMORY_EXHAUSTED');
  assert.ok((refusals.at(-1)?.retryDelayMs ?? 0) > 0);
  assert.equal(await gateway.metric(/^stream_refused_total\{.*REQUEST_MEMORY/), refusals.length);

  const event = orderEvent();
  await gateway.produce(event);
  assert.deepEqual(await healthy.events(1), [event.eventId]);
  const greedy = await open.consume(100_000);
  assert.ok(!greedy.isOpen && greedy.details.info?.reason === 'REQUEST_MEMORY_EXHAUSTED');
  // Who asks for nothing special is let in.
  assert.deepEqual(await open.consume(0), { isOpen: true });
  assert.deepEqual(await open.watch({ orderIds: [] }), { isOpen: true });
});

test('equal filters are kept once, and given back with their last stream', async (t) => {
  const gateway = await startGateway(t, INSPECTED);
  const { look } = await inspectMemory(t, gateway.app);
  const filter = largestFilter('shared');
  const watches = () => Array.from({ length: 50 }, () => gateway.watch({ filter }));
  await gateway.watch().signal('caughtUp');
  const before = await look();
  const opened = watches();
  for (const watch of opened) await watch.signal('caughtUp');
  const during = await look();
  const eachBytes = (during.heapBytes - before.heapBytes) / opened.length;
  t.diagnostic(`${Math.round(eachBytes)} bytes of heap for each of ${opened.length} streams`);
  assert.ok(eachBytes < 100_000, `${eachBytes} bytes for each stream`);
  const kept = (await gateway.metric(/^stream_request_bytes/)) ?? 0;
  assert.ok(kept > 400_000 && kept < 800_000, `${kept} bytes for one filter`);
  for (const watch of opened) await watch.cancel();
  await eventually(async () => assert.equal(await gateway.metric(/^stream_request_bytes/), 0));
});
