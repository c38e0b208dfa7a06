import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { bundleForBrowsers } from '../../../packages/order-stream/testing/browser-bundle.ts';
import { openInBrowser } from '../../../test/harness/browser.ts';
import { createAuthority, createPairFiles } from '../../../test/harness/certificates.ts';
import { eventually, startApp } from '../../../test/harness/index.ts';
import { findFreePort } from '../../../tools/stack/free-port.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';

const live = /^stream_watchers\{.*state="live"/;

/** A page of another origin than the gateway's, with the client of this repository as a page would bundle it, and a list of orders. */
async function startPage(t: TestContext, orders: () => readonly object[]): Promise<string> {
  const { code } = await bundleForBrowsers('browser.ts');
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/orders?')) {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ orders: orders(), next_page_token: null, changes_token: 'moment' }));
      return;
    }
    const isScript = request.url === '/client.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? code : '<!doctype html><title>watch</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Begins to watch in the page, which keeps what it has seen: without a memory, so that a place that is not exact shows as well. */
function watching(address: string): string {
  return `import('/client.js').then(({ watchOrders }) => {
    globalThis.seen = [];
    globalThis.interruptions = [];
    globalThis.leave = new AbortController();
    (async () => {
      const options = { address: '${address}', signal: leave.signal, rememberedEvents: 0, maxRetryDelayMs: 500 };
      const onInterruption = (cause) => interruptions.push(String(cause));
      for await (const { events, signal } of watchOrders({ ...options, onInterruption })) {
        globalThis.isStarted ||= signal?.$case === 'started';
        for (const { orderId, orderVersion } of events) seen.push([orderId, Number(orderVersion)]);
      }
      globalThis.hasLeft = true;
    })().catch((error) => interruptions.push('over: ' + error));
  })`;
}

/** Begins to follow in the page, which keeps what it is told. */
function following(address: string): string {
  return `import('/client.js').then(({ followOrders }) => {
    globalThis.told = [];
    (async () => {
      for await (const item of followOrders({ api: location.origin, address: '${address}', signal: leave.signal })) {
        if (item.kind !== 'progress') told.push([item.kind, item.orderId ?? '', Number(item.orderVersion ?? 0)]);
      }
    })().catch((error) => told.push(['over', String(error), 0]));
  })`;
}

const listed = (orderId: string, version: number) => ({
  ...{ order_id: orderId, customer_id: 'c', status: 'pending', version, currency: 'EUR', items: [] },
  ...{ total_minor: 0, created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' },
});

for (const protocol of ['http/1.1', 'h2']) {
  test(`a page in a real browser goes on without a gap after the gateway was killed, by ${protocol}`, async (t) => {
    const orderIds = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
    let version = 0;
    const origin = await startPage(t, () => orderIds.map((orderId) => listed(orderId, version)));
    const env: Record<string, string> = {
      GATEWAY_WEB_PORT: String(await findFreePort()),
      GATEWAY_WEB_ORIGINS: origin,
    };
    if (protocol === 'h2') {
      const files = await createPairFiles(t, await (await createAuthority(t)).issue('gateway'));
      env['GATEWAY_TLS_CERTIFICATE_FILE'] = files.certificateFile;
      env['GATEWAY_TLS_KEY_FILE'] = files.keyFile;
    }
    const { app, settings, produce, metric } = await startGateway(t, env);
    const page = await openInBrowser(t, origin);
    await page.evaluate(watching(app.urls.grpcWeb));
    await eventually(async () => assert.equal(await page.evaluate('globalThis.isStarted'), true));
    const livePage = await openInBrowser(t, `${app.urls.grpcWeb}/`);
    const isSaying = (id: string, text: RegExp) =>
      eventually(async () => {
        assert.match(await livePage.evaluate(`document.getElementById('${id}').textContent`), text);
      });
    await isSaying('headline', /^Live$/);
    assert.equal(await metric(live), 2);

    const change = async (times: number) => {
      for (let count = 0; count < times; count += 1) {
        version += 1;
        await produce(...orderIds.map((orderId) => orderEvent({ orderId, version })));
      }
    };
    const seen = async () => page.evaluate<[string, number][]>('seen');
    const hasAll = async () => assert.equal((await seen()).length, version * orderIds.length);
    await change(5);
    await eventually(hasAll);

    app.kill('SIGKILL');
    await app.exited;
    await change(5);
    await eventually(async () => assert.ok((await page.evaluate<string[]>('interruptions')).length > 1));
    await isSaying('headline', /^The stream is lost; reconnecting$/);
    await isSaying('troubles', /begins again in \d+ s, where it stood/);
    const next = await startApp(t, 'stream-gateway', settings);
    await change(5);
    await eventually(hasAll);
    const versions = Array.from({ length: version }, (_, index) => index + 1);
    for (const orderId of orderIds) {
      const ofOrder = (await seen()).filter(([id]) => id === orderId);
      assert.deepEqual(
        ofOrder.map(([, seenVersion]) => seenVersion),
        versions,
      );
    }
    await isSaying('headline', /^Live$/);
    await isSaying('total', new RegExp(`^${version * orderIds.length}$`));
    assert.ok(page.protocols.includes(protocol), page.protocols.join());

    await page.evaluate(following(next.urls.grpcWeb));
    const told = () => page.evaluate<[string, string, number][]>('told');
    const list = ['listing', ...orderIds.map((orderId) => `order ${orderId} ${version}`), 'complete'];
    const lines = async () => (await told()).map((line) => line.filter(Boolean).join(' '));
    await eventually(async () => assert.deepEqual(await lines(), list));
    await change(1);
    const news = orderIds.map((orderId) => `order ${orderId} ${version}`).toSorted();
    await eventually(async () => assert.deepEqual((await lines()).slice(list.length).toSorted(), news));

    await page.evaluate('leave.abort()');
    await eventually(async () => assert.equal(await page.evaluate('globalThis.hasLeft'), true));
    await eventually(async () => {
      const metrics = await (await fetch(`${next.urls.admin}/metrics`)).text();
      assert.match(metrics, /^stream_watchers\{.*state="live".*\} 1$/m, 'the live page is left');
    });
  });
}
