import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import test from 'node:test';
import { type BrowserPage, openInBrowser } from '../../../test/harness/browser.ts';
import { createAuthority, createPairFiles } from '../../../test/harness/certificates.ts';
import { eventually } from '../../../test/harness/index.ts';
import { paced } from '../../../test/harness/paced.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { startGuardedGateway, WATCHER } from '../testing/guarded-gateway.ts';
import { orderEvent } from '../testing/order-events.ts';
import { grpcFrame, WATCH_PATH } from '../testing/raw-grpc-call.ts';

const WEB = { GATEWAY_WEB_PORT: '0' };

const textOf = (page: BrowserPage, id: string) =>
  page.evaluate<string>(`document.getElementById('${id}').textContent`);

async function isSaying(page: BrowserPage, id: string, text: RegExp): Promise<void> {
  await eventually(async () => assert.match(await textOf(page, id), text));
}

/** Counts of the columns, by their names. */
const counts = (page: BrowserPage) =>
  page.evaluate<Record<string, string>>(
    `Object.fromEntries([...document.querySelectorAll('#board h3')].map((title) => title.textContent.split(' ')))`,
  );

/** What a request is answered, whose headers say what a browser would. */
function statusOf(
  url: string,
  method: string,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; allowed: unknown }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers, agent: false }, (response) => {
      response.destroy();
      resolve({ status: response.statusCode, allowed: response.headers['access-control-allow-origin'] });
    });
    request.once('error', reject);
    request.end(method === 'POST' ? grpcFrame(new Uint8Array()) : undefined);
  });
}

test('orders move through their statuses on the page while they do, and nothing is fetched from elsewhere', async (t) => {
  const { app, produce } = await startGateway(t, WEB);
  const page = await openInBrowser(t, `${app.urls.grpcWeb}/`);
  await isSaying(page, 'headline', /^Live$/);
  assert.equal(await textOf(page, 'troubles').then((text) => text.trim()), 'Nothing');
  const [first, second] = [orderEvent(), orderEvent()];
  await produce(first, second);
  await eventually(async () => assert.equal((await counts(page))['pending'], '2'));
  await produce(orderEvent({ orderId: first.order.orderId, version: 2, status: 'confirmed' }));
  await eventually(async () => {
    const { pending, confirmed } = await counts(page);
    assert.deepEqual([pending, confirmed], ['1', '1']);
  });
  const line = `document.querySelector('[aria-labelledby=status-confirmed] li').textContent`;
  assert.equal(await page.evaluate(line), `…${first.order.orderId.slice(-8)} v2`);
  await isSaying(page, 'delay-words', /^Last second with events: -?\d+ m?s from the change/);
  assert.ok(await page.evaluate(`document.getElementById('plot-change').getAttribute('d').length > 0`));
  assert.match(await textOf(page, 'complete'), /not known|ago/);

  // By the keyboard alone, from the top.
  await page.press('Tab');
  assert.equal(await page.evaluate('document.activeElement.id'), 'pause');
  await page.press('Enter');
  assert.equal(await page.evaluate(`document.activeElement.getAttribute('aria-pressed')`), 'true');
  const third = orderEvent();
  await produce(third);
  await isSaying(page, 'total', /^4$/);
  assert.equal((await counts(page))['pending'], '1', 'the display stands still');
  await page.press('Space');
  await eventually(async () => assert.equal((await counts(page))['pending'], '2'));

  assert.deepEqual(page.complaints, []);
  const elsewhere = page.requested.filter((url) => !url.startsWith(app.urls.grpcWeb) && url !== 'data:,');
  assert.deepEqual(elsewhere, []);
});

test('a flood leaves the page answering, and what it holds has bounds', async (t) => {
  const { app, produce } = await startGateway(t, WEB);
  const page = await openInBrowser(t, `${app.urls.grpcWeb}/`);
  await isSaying(page, 'headline', /^Live$/);
  const flood = 12_000;
  let slowestMs = 0;
  const producing = (async () => {
    for (let sent = 0; sent < flood; sent += 1_000) {
      await produce(...Array.from({ length: 1_000 }, () => orderEvent()));
    }
  })();
  await eventually(async () => {
    const startMs = performance.now();
    const total = await textOf(page, 'total');
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
    assert.equal(Number(total.replaceAll(/\D/g, '')), flood);
  });
  await producing;
  assert.ok(slowestMs < paced(5_000), `the page answered after ${slowestMs} ms only`);
  await eventually(async () => assert.equal((await counts(page))['pending'], '10,000'));
  assert.ok((await page.evaluate<number>(`document.getElementsByTagName('*').length`)) < 300);
});

test('where access control is on the page is there for everybody, asks for a token, and goes on with it over HTTP/2', async (t) => {
  const files = await createPairFiles(t, await (await createAuthority(t)).issue('gateway'));
  const gateway = await startGuardedGateway(t, {
    ...WEB,
    GATEWAY_TLS_CERTIFICATE_FILE: files.certificateFile,
    GATEWAY_TLS_KEY_FILE: files.keyFile,
  });
  const page = await openInBrowser(t, `${gateway.app.urls.grpcWeb}/`);
  const isAsking = `!document.getElementById('access').hidden && document.activeElement.id === 'token'`;
  await eventually(async () => assert.ok(await page.evaluate(isAsking)));
  const give = async (token: string) => {
    await page.evaluate(`document.getElementById('token').value = '${token}'`);
    await page.press('Enter');
  };
  await give('a.b.c');
  await isSaying(page, 'access-why', /UNAUTHENTICATED/);
  await eventually(async () => assert.ok(await page.evaluate(isAsking)));
  const { authorization } = (await gateway.as(WATCHER)).metadata;
  await give(authorization.replace('Bearer ', ''));
  await isSaying(page, 'headline', /^Live$/);
  await gateway.produce(orderEvent());
  await eventually(async () => assert.equal((await counts(page))['pending'], '1'));
  assert.ok(
    page.protocols.every((protocol) => protocol === 'h2' || protocol === 'data'),
    page.protocols.join(),
  );
  const kept = 'JSON.stringify([location.href, document.cookie, localStorage.length, sessionStorage.length])';
  assert.equal(await page.evaluate(kept), JSON.stringify([`${gateway.app.urls.grpcWeb}/`, '', 0, 0]));
  assert.equal(await page.evaluate(`document.getElementById('token').value`), '');
});

test('pages of this port may call it when they were asked for by an address, and no other ones', async (t) => {
  const { app } = await startGateway(t, WEB);
  const base = app.urls.grpcWeb;
  const { port } = new URL(base);
  const call = (host: string, origin: string) =>
    statusOf(`${base}${WATCH_PATH}`, 'POST', { host, origin, 'content-type': 'application/grpc-web+proto' });
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]) {
    assert.deepEqual(await call(host, `http://${host}`), { status: 200, allowed: `http://${host}` });
  }
  const own = `127.0.0.1:${port}`;
  const strangers = [
    // Whoever owns a name can make it lead here; then both agree.
    [`evil.example:${port}`, `http://evil.example:${port}`],
    [`127.0.0.1.evil.example:${port}`, `http://127.0.0.1.evil.example:${port}`],
    [own, `https://${own}`],
    [own, 'http://127.0.0.1:1'],
    [own, 'null'],
  ] as const;
  for (const [host, origin] of strangers) {
    assert.deepEqual(await call(host, origin), { status: 403, allowed: undefined }, `${host} ${origin}`);
  }
});

test('each file of the page is served as it is, for reading alone, under a policy without exceptions', async (t) => {
  const { app } = await startGateway(t, WEB);
  const files = readdirSync(join(import.meta.dirname, '..', 'page'));
  const served = files.filter((file) => /\.(html|css|js)$/.test(file));
  assert.ok(served.includes('order-stream.js'));
  for (const file of served) {
    const path = file === 'live.html' ? '/' : `/${file}`;
    const answer = await fetch(`${app.urls.grpcWeb}${path}`);
    assert.equal(answer.status, 200, path);
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    const head = await fetch(`${app.urls.grpcWeb}${path}`, { method: 'HEAD' });
    assert.equal(Number(head.headers.get('content-length')), (await answer.arrayBuffer()).byteLength);
    assert.equal((await statusOf(`${app.urls.grpcWeb}${path}`, 'POST', {})).status, 404);
  }
  for (const path of ['/?x', '/live.html', '/order-stream.d.ts', '/tsconfig.json', '/../package.json']) {
    assert.equal((await statusOf(`${app.urls.grpcWeb}${path}`, 'GET', {})).status, 404, path);
  }
});
