import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type DeepPartial, OrderStatus, WatchOrdersRequest } from '@order-events/order-stream';
import { eventually } from '../../../test/harness/index.ts';
import { openRawStream, type RawStream } from '../../../tools/bench-gateway/raw-stream.ts';
import { startGateway, type TestGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';
import { INSPECTED, inspectMemory } from '../testing/process-memory.ts';
import { WATCH_PATH } from '../testing/raw-grpc-call.ts';

const ROUNDS = 8;
const STREAMS_PER_ROUND = 300;
/** Of each kind some: live, catching up, filtered, refused, and one whose client takes nothing. */
const REQUESTS: readonly DeepPartial<WatchOrdersRequest>[] = [
  {},
  { start: { position: { $case: 'earliest', value: true } }, maxBatchSize: 1 },
  { filter: { statuses: [OrderStatus.DELIVERED], orderIds: ['order-1'] } },
  { start: { position: { $case: 'resumeToken', value: 'no token' } } },
];

/** Opens streams, lets each begin or end, and drops them all. */
async function openAndDrop({ app, produce }: TestGateway): Promise<void> {
  const [host = '', port] = app.urls.grpc.split(':');
  let begun = 0;
  const streams = Array.from({ length: STREAMS_PER_ROUND }, (_, index): RawStream => {
    let isFirst = true;
    const begin = () => {
      if (isFirst) begun += 1;
      isFirst = false;
    };
    const request = REQUESTS[index % REQUESTS.length] ?? {};
    return openRawStream({
      ...{ host, port: Number(port), path: WATCH_PATH },
      request: WatchOrdersRequest.encode(WatchOrdersRequest.fromPartial(request)).finish(),
      reads: index % 5 !== 0,
      onMessage: begin,
      onEnd: begin,
    });
  });
  try {
    await eventually(() => assert.equal(begun, STREAMS_PER_ROUND));
    await produce(orderEvent(), orderEvent({ status: 'delivered', version: 2 }));
  } finally {
    for (const stream of streams) stream.close();
  }
}

async function allGone({ metric }: TestGateway): Promise<void> {
  for (const state of ['waiting', 'catching_up', 'live', 'blocked']) {
    await eventually(async () => assert.equal(await metric(new RegExp(`^stream_watchers\\{.*${state}`)), 0));
  }
}

test('streams that are gone leave nothing behind: no listener, no handle, no memory', async (t: TestContext) => {
  const gateway = await startGateway(t, INSPECTED);
  const { look } = await inspectMemory(t, gateway.app);
  await gateway.produce(...Array.from({ length: 50 }, () => orderEvent()));
  const round = async () => {
    await openAndDrop(gateway);
    await allGone(gateway);
  };
  await round();
  await round();
  const before = await look();
  for (let done = 0; done < ROUNDS; done += 1) await round();
  const streams = ROUNDS * STREAMS_PER_ROUND;
  const few = streams / 20;
  const after = await eventually(async () => {
    const now = await look();
    const text = JSON.stringify({ before, now });
    // Connections to Kafka and for metrics come and go, and on a busy machine the last streams are still being closed; one thing left
    // by each stream would be thousands, and stay.
    assert.ok(now.abortSignals < before.abortSignals + few, text);
    assert.ok(now.http2Streams < before.http2Streams + few, text);
    assert.ok(now.resources < before.resources + few, text);
    assert.ok(now.heapBytes < before.heapBytes + streams * 500, text);
    return now;
  });
  t.diagnostic(JSON.stringify({ before, after }));
});
