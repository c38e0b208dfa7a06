import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import test from 'node:test';
import { Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/index.ts';
import { startGateway } from '../testing/gateway-app.ts';
import {
  grpcFrame,
  openRawStream,
  rawAnswer,
  type RawRequest,
  WATCH_PATH,
} from '../testing/raw-grpc-call.ts';

const CONSUME_PATH = '/orders.v1.OrderStreamService/ConsumeOrders';
const RANGE_PATH = '/orders.v1.OrderStreamService/GetReplayRange';
const HALF = new Uint8Array(1_000);

test('calls that do not say what they want are counted, and ended when their time is over', async (t) => {
  const { app, metric, watch } = await startGateway(t, { GATEWAY_REQUEST_DEADLINE_MS: '3000' });
  await watch().signal('started');
  const session = http2.connect(`http://${app.urls.grpc}`).on('error', () => {});
  t.after(() => session.destroy());
  const unsaid: readonly RawRequest[] = [
    { path: CONSUME_PATH, isUnfinished: true },
    { path: WATCH_PATH, isUnfinished: true },
    // A whole message, without the end of the request.
    { path: WATCH_PATH, isUnfinished: true, body: grpcFrame(new Uint8Array()) },
    { path: RANGE_PATH, isUnfinished: true, body: grpcFrame(HALF, 0, 2 * HALF.length) },
  ];
  const answers = Promise.all(unsaid.map((request) => rawAnswer(openRawStream(session, request))));
  await eventually(async () => assert.equal(await metric(/^stream_calls_unsaid/), unsaid.length));
  const codes = (await answers).map(({ grpcStatus }) => grpcStatus);
  assert.deepEqual(
    codes,
    unsaid.map(() => Status.DEADLINE_EXCEEDED),
  );
  assert.equal(await metric(/^stream_calls_unsaid/), 0);
  assert.equal(await metric(/^stream_refused_total\{.*REQUEST_NOT_SENT/), unsaid.length);
  assert.ok(!session.destroyed, 'the connection goes on');
});

test('requests that do not come to their end take no more memory than requests may', async (t) => {
  const { app, watch } = await startGateway(t, { GATEWAY_REQUEST_BYTES: '1048576' });
  const session = http2.connect(`http://${app.urls.grpc}`).on('error', () => {});
  t.after(() => session.destroy());
  const body = grpcFrame(new Uint8Array(300_000), 0, 400_000);
  const answers = Array.from({ length: 6 }, () =>
    rawAnswer(openRawStream(session, { path: WATCH_PATH, isUnfinished: true, body })),
  );
  assert.equal((await Promise.race(answers)).grpcStatus, Status.RESOURCE_EXHAUSTED);
  assert.ok(!session.destroyed, 'the connection goes on');
  await watch().signal('started');
});

test('connections without calls are closed, and those with a stream are not', async (t) => {
  const { app, watch } = await startGateway(t, { GATEWAY_IDLE_CONNECTION_MS: '1000' });
  const stream = watch({ heartbeatInterval: { seconds: 1n } });
  await stream.signal('started');
  const [host, port] = app.urls.grpc.split(':');
  const silent = net.connect(Number(port), host).on('error', () => {});
  t.after(() => silent.destroy());
  silent.resume();
  const greeted = http2.connect(`http://${app.urls.grpc}`).on('error', () => {});
  await Promise.all([once(silent, 'close'), once(greeted, 'close')]);
  await stream.signal('heartbeat', stream.messages.length);
});
