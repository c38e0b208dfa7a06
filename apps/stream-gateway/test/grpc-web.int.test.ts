import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type RequestOptions } from 'node:http';
import test from 'node:test';
import {
  createOrderStreamClient,
  decodeErrorDetails,
  type ErrorDetails,
  OrderStreamAdminServiceDefinition,
} from '@order-events/order-stream';
import { watchOrders as watchOrdersOfBrowser } from '@order-events/order-stream/browser';
import { createChannel, createClient } from 'nice-grpc';
import { ClientError, type Metadata, Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/index.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { createWebClient } from '../testing/grpc-web-client.ts';
import { orderEvent } from '../testing/order-events.ts';

const WATCH_PATH = '/orders.v1.OrderStreamService/WatchOrders';
const SHOP = 'https://shop.example';
const ON = { GATEWAY_WEB_PORT: '0', GATEWAY_WEB_ORIGINS: `${SHOP}, http://localhost:5173` };
const EMPTY_REQUEST = Buffer.alloc(5);
const live = /^stream_watchers\{.*state="live"/;

const startAt = (token: string) => ({ start: { position: { $case: 'resumeToken' as const, value: token } } });

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** A request as a browser may send it. */
function send(url: string, options: RequestOptions, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: 'POST', agent: false, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      );
      response.once('error', reject);
    });
    request.once('error', reject);
    request.end(body);
  });
}

async function failureOf(call: (options: { onTrailer: (trailer: Metadata) => void }) => Promise<unknown>) {
  let details: ErrorDetails = {};
  try {
    await call({ onTrailer: (trailer) => (details = decodeErrorDetails(trailer)) });
  } catch (error) {
    assert.ok(error instanceof ClientError, String(error));
    return { code: error.code, text: error.details, ...details };
  }
  return assert.fail('it has not failed');
}

test('through gRPC-Web a watch ends at the live edge when it is asked to', async (t) => {
  const { app, produce } = await startGateway(t, ON);
  const event = orderEvent();
  await produce(event);
  const request = {
    start: { position: { $case: 'earliest' as const, value: true } },
    untilCaughtUp: true,
  };
  const got: string[] = [];
  let last: string | undefined;
  for await (const { events, signal } of createWebClient(app.urls.grpcWeb).watchOrders(request)) {
    got.push(...events.map(({ eventId }) => eventId));
    last = signal?.$case;
  }
  assert.deepEqual([got, last], [[event.eventId], 'caughtUp']);
});

test('a client of gRPC-Web gets events by its filter, resumes, learns why it is refused, and leaves nothing', async (t) => {
  const { app, produce, metric } = await startGateway(t, ON);
  const client = createWebClient(app.urls.grpcWeb);
  const abort = new AbortController();
  const wanted = [orderEvent({ customerId: 'a' }), orderEvent({ customerId: 'a' })];
  const stream = client
    .watchOrders({ filter: { customerIds: ['a'] } }, { signal: abort.signal })
    [Symbol.asyncIterator]();
  assert.equal((await stream.next()).value.signal?.$case, 'started');
  await produce(...wanted, orderEvent({ customerId: 'b' }));
  const got: string[] = [];
  let token = '';
  while (got.length < wanted.length) {
    const { value } = await stream.next();
    got.push(...value.events.map(({ eventId }: { eventId: string }) => eventId));
    token = value.resumeToken;
  }
  assert.deepEqual(got.toSorted(), wanted.map(({ eventId }) => eventId).toSorted());

  abort.abort();
  await stream.next().catch(() => {});
  await eventually(async () => assert.equal(await metric(live), 0));

  const later = orderEvent({ customerId: 'a' });
  await produce(later);
  for await (const { events } of client.watchOrders({ ...startAt(token), filter: { customerIds: ['a'] } })) {
    if (events.length === 0) continue;
    assert.deepEqual(
      events.map(({ eventId }) => eventId),
      [later.eventId],
    );
    break;
  }
  assert.ok((await client.getReplayRange({})).latestToken);
  const refused = await failureOf((options) =>
    client.watchOrders(startAt('no token'), options)[Symbol.asyncIterator]().next(),
  );
  assert.equal(refused.code, Status.INVALID_ARGUMENT);
  assert.deepEqual(
    refused.violations?.map(({ field }) => field),
    ['start.resume_token'],
  );
  // The same from the client of this repository: it can tell what no retry mends.
  const ownClient = watchOrdersOfBrowser({
    address: app.urls.grpcWeb,
    start: { $case: 'resumeToken', value: 'no token' },
  });
  await assert.rejects(ownClient.next(), {
    name: 'OrderStreamError',
    code: Status.INVALID_ARGUMENT,
    violations: refused.violations,
  });
  const other = await failureOf((options) => client.listSubscriptions({}, options));
  assert.match(other.text, /HTTP 404|try \/orders/);
});

test('pages of allowed origins may call, and nothing else is answered', async (t) => {
  const { app } = await startGateway(t, ON);
  const url = `${app.urls.grpcWeb}${WATCH_PATH}`;
  const preflight = { method: 'OPTIONS', headers: { origin: SHOP, 'access-control-request-method': 'POST' } };
  const allowed = await send(url, preflight);
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers['access-control-allow-origin'], SHOP);
  assert.match(String(allowed.headers['access-control-allow-headers']), /authorization/);
  assert.equal(allowed.headers['access-control-allow-credentials'], undefined);
  const type = { 'content-type': 'application/grpc-web+proto' };
  const consume = url.replace('WatchOrders', 'ConsumeOrders');
  const admin = `${app.urls.grpcWeb}/orders.v1.OrderStreamAdminService/ListWatchers`;
  const refusals: readonly [number, string, RequestOptions][] = [
    [403, url, { ...preflight, headers: { ...preflight.headers, origin: 'https://evil.example' } }],
    [403, url, { headers: { ...type, origin: 'null' } }],
    [403, url, { headers: { ...type, origin: `${SHOP}.evil.example` } }],
    [404, consume, { headers: type }],
    [404, admin, { headers: type }],
    [404, `${url}?x`, { headers: type }],
    [405, url, { method: 'GET' }],
    [415, url, { headers: { 'content-type': 'application/grpc' } }],
    [
      400,
      url,
      {
        headers: [
          'content-type',
          type['content-type'],
          'authorization',
          'Bearer a',
          'Authorization',
          'Bearer b',
        ],
      },
    ],
  ];
  for (const [status, target, options] of refusals) {
    const answer = await send(target, options, EMPTY_REQUEST);
    assert.equal(answer.status, status, `${target} ${JSON.stringify(options)}: ${answer.body.toString()}`);
    if (status === 403) assert.equal(answer.headers['access-control-allow-origin'], undefined);
  }
});

test('requests and streams of browsers have their bounds, and one that takes nothing is cut off', async (t) => {
  const gateway = await startGateway(t, {
    ...ON,
    GATEWAY_WEB_MAX_STREAMS: '1',
    GATEWAY_REQUEST_DEADLINE_MS: '1000',
    GATEWAY_BLOCKED_LIMIT_MS: '1000',
  });
  const { app, metric, produce } = gateway;
  const client = createWebClient(app.urls.grpcWeb);
  const large = await failureOf((options) =>
    client
      .watchOrders({ filter: { orderIds: ['x'.repeat(1024 * 1024)] } }, options)
      [Symbol.asyncIterator]()
      .next(),
  );
  assert.deepEqual([large.code, /larger than max/.test(large.text)], [Status.RESOURCE_EXHAUSTED, true]);

  const headers = { 'content-type': 'application/grpc-web+proto' };
  const url = `${app.urls.grpcWeb}${WATCH_PATH}`;
  const unfinished = httpRequest(url, { method: 'POST', headers, agent: false });
  t.after(() => unfinished.destroy());
  unfinished.on('error', () => {});
  unfinished.write(EMPTY_REQUEST);
  const [late] = await once(unfinished, 'response');
  assert.match((await late.toArray()).join(''), /grpc-status: 4\r\n/);
  unfinished.destroy();

  const slow = httpRequest(url, { method: 'POST', headers, agent: false });
  t.after(() => slow.destroy());
  slow.end(EMPTY_REQUEST);
  const [answer] = await once(slow, 'response');
  answer.pause();
  const channel = createChannel(app.urls.adminGrpc);
  t.after(() => channel.close());
  const operator = createClient(OrderStreamAdminServiceDefinition, channel);
  const peer = `127.0.0.1:${slow.socket?.localPort}`;
  const peers = async () => (await operator.listWatchers({})).watchers.map((watcher) => watcher.peer);
  assert.deepEqual(await peers(), [peer]);
  const second = await failureOf((options) => client.watchOrders({}, options)[Symbol.asyncIterator]().next());
  assert.deepEqual([second.code, second.info?.reason], [Status.RESOURCE_EXHAUSTED, 'TOO_MANY_WATCHERS']);
  assert.ok((second.retryDelayMs ?? 0) >= 1_000);

  const { client: healthy, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  const neighbour = healthy.watchOrders({})[Symbol.asyncIterator]();
  await neighbour.next();
  let [produced, delivered] = [0, 0];
  const reading = (async () => {
    for (;;) delivered += (await neighbour.next()).value?.events.length ?? 0;
  })();
  t.after(() => reading.catch(() => {}));
  // More than the sockets on the way can hold.
  while ((await peers()).includes(peer)) {
    const batch = Array.from({ length: 200 }, () => orderEvent({ items: 50 }));
    await produce(...batch);
    produced += batch.length;
  }
  assert.ok(await metric(/^stream_ended_by_server_total\{.*reason="SLOW_CONSUMER"/));
  await Promise.race([reading, eventually(async () => assert.equal(delivered, produced))]);
  // Its place is free again.
  await eventually(() => client.getReplayRange({}));
  answer.on('error', () => {});
  const closed = new Promise((resolve) => answer.once('close', resolve));
  answer.resume();
  await closed;
  assert.ok(!answer.complete, 'cut off without an end');
});

test('a stream of a browser ends with its reason and token when the gateway stops', async (t) => {
  const { app } = await startGateway(t, ON);
  const client = createWebClient(app.urls.grpcWeb);
  let sent: ErrorDetails = {};
  const stream = client
    .watchOrders({}, { onTrailer: (trailer) => (sent = decodeErrorDetails(trailer)) })
    [Symbol.asyncIterator]();
  await stream.next();
  app.kill();
  await assert.rejects(
    async () => {
      while (!(await stream.next()).done);
    },
    { code: Status.UNAVAILABLE },
  );
  assert.equal(sent.info?.reason, 'DRAINING');
  assert.ok(sent.info?.metadata['resume_token']);
  assert.equal((await app.exited).code, 0);
});
