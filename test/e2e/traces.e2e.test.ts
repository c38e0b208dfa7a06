import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { watchOrders, startProcessSpan } from '@order-events/order-stream';
import { createLogger, createTracing, tracingSettings } from '@order-events/runtime';
import { z } from 'zod';
import { metricOf } from '../harness/app-metric.ts';
import { findReflectingClient } from '../harness/find-reflecting-client.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { startOrderApps } from '../harness/order-apps.ts';
import { startOtlpReceiver } from '../harness/otlp-receiver.ts';
import { bearerFileEnv, TEST_CLIENT, TEST_HEADERS } from '../harness/test-access.ts';
import { createTestFolder } from '../harness/test-folder.ts';
import type { ReceivedSpan } from '../harness/otlp-traces.ts';

const ORDER = {
  customer_id: 'c-1',
  currency: 'EUR',
  items: [{ sku: 'tea', quantity: 2, unit_price_minor: 450 }],
};
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';
const WATCHER = '1c80319c0af76519';
const SAMPLED = `00-${TRACE}-${CALLER}-01`;

async function setUp(t: TestContext) {
  const receiver = await startOtlpReceiver(t);
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc',
    OTEL_BSP_SCHEDULE_DELAY: '50',
  };
  const apps = await startOrderApps(t, { databaseUrl, brokers, topic, env });
  return { receiver, env, topic, apps };
}

async function send(method: string, url: string, body: object, traceparent: string): Promise<string> {
  const headers = {
    ...{ 'content-type': 'application/json', traceparent, tracestate: 'vendor=opaque' },
    ...TEST_HEADERS,
  };
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${url}: ${response.status}`);
  assert.equal(response.headers.get('x-request-id'), traceparent.split('-')[1]);
  const { order_id: orderId } = (await response.json()) as { order_id: string };
  return orderId;
}

/** A consumer as other teams write it; its spans go to the same receiver. */
async function startWatcher(t: TestContext, address: string, env: Record<string, string>) {
  const log = createLogger({ service: 'test', level: 'silent' });
  const settings = z.object(tracingSettings).parse(env);
  const spans = createTracing({ settings, service: 'watcher', version: '1', stopDeadlineMs: 20_000, log });
  assert.ok(spans);
  await spans.start(new AbortController().signal);
  const stopping = new AbortController();
  const { promise: watching, resolve: begun } = Promise.withResolvers<undefined>();
  const metadata = { traceparent: `00-${TRACE}-${WATCHER}-01` };
  async function watch(): Promise<void> {
    for await (const { events } of watchOrders({
      address,
      metadata,
      signal: stopping.signal,
      ...TEST_CLIENT,
    })) {
      begun(undefined);
      for (const event of events) startProcessSpan(event, { tracing: spans?.tracing })?.end();
    }
  }
  const ended = watch().catch(() => undefined);
  const stop = async () => {
    stopping.abort();
    await ended;
    await spans.stop();
  };
  t.after(stop);
  await watching;
  return { stop };
}

test('one trace leads from a POST to the watcher, and to what a consumer does about it', async (t) => {
  const { receiver, env, topic, apps } = await setUp(t);
  const watcher = await startWatcher(t, apps.gateway.urls.grpc, env);
  const orders = `${apps.api.urls.http}/orders`;
  const orderId = await send('POST', orders, ORDER, SAMPLED);

  const one = (name: string): ReceivedSpan => {
    const found = receiver.spans.filter((span) => span.name === name);
    const [span] = found;
    assert.ok(span && found.length === 1, `${found.length} spans ${name}`);
    assert.equal(span.traceId, TRACE);
    assert.equal(span.isError, false);
    return span;
  };
  const made = await eventually(() => ({
    post: one('POST /orders'),
    create: one('create orders.events'),
    send: one(`send ${topic}`),
    receive: one(`receive ${topic}`),
    process: one('process orders.events'),
  }));
  const { post, create, ...others } = made;
  assert.deepEqual(
    [post.service, post.kind, post.parentSpanId, post.traceState],
    ['api', 'server', CALLER, 'vendor=opaque'],
  );
  assert.equal(post.schemaUrl, 'https://opentelemetry.io/schemas/1.44.0');
  assert.deepEqual(post.attributes, {
    'http.request.method': 'POST',
    'http.route': '/orders',
    'http.response.status_code': 201,
    'url.path': '/orders',
    'url.scheme': 'http',
    'network.protocol.version': '1.1',
  });
  assert.deepEqual([create.service, create.kind, create.parentSpanId], ['api', 'producer', post.spanId]);
  const ofMessage = {
    'messaging.message.id': create.attributes['messaging.message.id'],
    'messaging.kafka.offset': others.send.attributes['messaging.kafka.offset'],
  };
  assert.ok(Number(ofMessage['messaging.kafka.offset']) >= 0);
  for (const span of Object.values(others)) {
    assert.equal(span.parentSpanId, create.spanId, span.name);
    const [link, ...more] = span.links;
    assert.ok(link && more.length === 0);
    assert.deepEqual([link.traceId, link.spanId], [TRACE, create.spanId]);
    assert.deepEqual(link.attributes, ofMessage, span.name);
    assert.partialDeepStrictEqual(span.attributes, { ...ofMessage, 'messaging.kafka.message.key': orderId });
  }
  assert.deepEqual(
    Object.values(others).map(({ service, kind, attributes }) => [
      service,
      kind,
      attributes['messaging.operation.type'],
    ]),
    [
      ['relay', 'client', 'send'],
      ['stream-gateway', 'client', 'receive'],
      ['watcher', 'consumer', 'process'],
    ],
  );

  // The call of the watch is a span when it has ended.
  await watcher.stop();
  const call = await eventually(() => one('orders.v1.OrderStreamService/WatchOrders'));
  assert.deepEqual(call.attributes, {
    'rpc.system.name': 'grpc',
    'rpc.method': 'orders.v1.OrderStreamService/WatchOrders',
    'rpc.response.status_code': 'CANCELLED',
  });
  assert.deepEqual([call.kind, call.parentSpanId], ['server', WATCHER]);
  assert.ok(call.endTimeMs > call.startTimeMs);

  // A consumer that goes on by REST is a part of the trace of what it goes on from.
  await startApp(t, 'warehouse', {
    ...env,
    ...(await bearerFileEnv()),
    WAREHOUSE_GATEWAY: apps.gateway.urls.grpc,
    WAREHOUSE_API_URL: apps.api.urls.http,
  });
  await send('PUT', `${orders}/${orderId}/status`, { status: 'confirmed' }, SAMPLED);
  await eventually(() => {
    const steps = receiver.spans.filter(({ service }) => service === 'warehouse');
    const changes = receiver.spans.filter(({ name }) => name === 'PUT /orders/:order_id/status');
    assert.deepEqual([steps.length, changes.length], [2, 3]);
    const parents = new Set(changes.map(({ parentSpanId }) => parentSpanId));
    assert.deepEqual(parents, new Set([CALLER, ...steps.map(({ spanId }) => spanId)]));
    assert.ok([...steps, ...changes].every(({ traceId }) => traceId === TRACE));
  });
  assert.deepEqual(new Set(receiver.authorizations), new Set(['Bearer abc']));

  // What its caller does not record is nobody's span, and comes as it was sent.
  const before = receiver.spans.length;
  const other = 'c'.repeat(32);
  await send('PUT', `${orders}/${orderId}/status`, { status: 'delivered' }, `00-${other}-${CALLER}-00`);
  await send('POST', orders, ORDER, SAMPLED);
  await eventually(() => assert.ok(receiver.spans.length >= before + 4));
  assert.ok(receiver.spans.every(({ traceId }) => traceId !== other));
  for (const app of [apps.api, apps.relay, apps.gateway]) {
    app.kill('SIGTERM');
    assert.deepEqual(await app.exited, { code: 0, signal: null });
  }
});

/** What Node is to load before an app, so that it writes down every module it loads: `module.registerHooks` sees both kinds. */
async function moduleList(): Promise<{ env: Record<string, string>; loaded: () => Promise<string[]> }> {
  const folder = await createTestFolder();
  const [hook, list] = [join(folder, 'hook.mjs'), join(folder, 'modules')];
  await writeFile(
    hook,
    `import { appendFileSync } from 'node:fs';
    import { registerHooks } from 'node:module';
    const note = (url) => appendFileSync(${JSON.stringify(list)}, url + '\\n');
    registerHooks({ load: (url, context, next) => { note(url); return next(url, context); } });`,
  );
  return {
    env: { NODE_OPTIONS: `--import=${hook}` },
    loaded: async () => (await readFile(list, 'utf8')).split('\n'),
  };
}

const SDK = /@opentelemetry\/(?!api\/)|tracing\/(sdk-tracing|span-queue|sampler)/;

test('without an endpoint nothing of an SDK is loaded; with one that is away everything goes on, and what is lost is counted', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  for (const endpoint of [undefined, 'http://127.0.0.1:1']) {
    const lists = {
      api: await moduleList(),
      relay: await moduleList(),
      'stream-gateway': await moduleList(),
    };
    const envOf = Object.fromEntries(Object.entries(lists).map(([app, { env }]) => [app, env]));
    const env: Record<string, string> = {
      OTEL_BSP_SCHEDULE_DELAY: '10',
      OTEL_EXPORTER_OTLP_TIMEOUT: '200',
      ...(endpoint !== undefined && { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }),
    };
    const apps = await startOrderApps(t, { databaseUrl, brokers, topic, env, envOf });
    const client = await findReflectingClient('v1');
    const watch = client.call(apps.gateway.urls.grpc, 'orders.v1.OrderStreamService/WatchOrders', {});
    t.after(() => watch.stop());
    await eventually(() => assert.ok(watch.messages.length > 0));
    const orders = `${apps.api.urls.http}/orders`;
    const orderId = await send('POST', orders, ORDER, SAMPLED);
    await eventually(() => assert.match(JSON.stringify(watch.messages), new RegExp(orderId)));
    for (const [name, list] of Object.entries(lists)) {
      const sdk = (await list.loaded()).filter((module) => SDK.test(module));
      assert.equal(sdk.length > 0, endpoint !== undefined, `${name}: ${sdk.join()}`);
    }
    for (const app of [apps.api, apps.relay, apps.gateway]) {
      if (endpoint !== undefined) {
        await eventually(async () => assert.ok((await metricOf(app, 'app_spans_dropped_total')) > 0));
        // Counted first, then told: the line may come later than the number.
        const told = () => app.logs().filter(({ loss }) => loss === 'not_taken').length;
        await eventually(() => assert.ok(told() > 0));
        assert.equal(told(), 1);
      }
      app.kill('SIGTERM');
      assert.deepEqual(await app.exited, { code: 0, signal: null });
    }
  }
});
