import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { eventually } from '../../../test/harness/index.ts';
import { lockOrder, ORDER, startApi, TEA } from '../testing/order-client.ts';

async function openSocket(t: TestContext, url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

function postOf(body: string, ...headers: string[]): string {
  const all = ['Host: api', 'Content-Type: application/json', `Content-Length: ${body.length}`, ...headers];
  return `POST /orders HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n${body}`;
}

test('what does not get as far as a route is a problem too', async (t) => {
  const { api } = await startApi(t, { API_HEADERS_TIMEOUT_MS: '300', API_REQUEST_TIMEOUT_MS: '600' });
  const host = 'Host: api\r\n';
  for (const [sent, status, code] of [
    ['no request at all\r\n\r\n', 400, 'malformed_request'],
    [`GET /orders HTTP/1.1\r\n${host}Content-Length: x\r\n\r\n`, 400, 'malformed_request'],
    [`GET /orders HTTP/1.1\r\n${host}X: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    [
      `GET /orders HTTP/1.1\r\n${host}Expect: the-unexpected\r\nConnection: close\r\n\r\n`,
      417,
      'expectation_failed',
    ],
    [`GET /orders HTTP/1.1\r\n${host}X: the rest never comes`, 408, 'request_timeout'],
    [postOf('{}').slice(0, -1), 408, 'request_timeout'],
  ] as const) {
    const socket = await openSocket(t, api.urls.http);
    socket.write(sent);
    const answer = await text(socket);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1.1 ${status} `), sent.slice(0, 80));
    assert.match(head, /content-type: application\/problem\+json/i);
    assert.match(head, /x-content-type-options: nosniff/i);
    assert.match(head, /x-request-id: [0-9a-f]{32}/i);
    const problem = JSON.parse(body) as Record<string, unknown>;
    assert.deepEqual([problem['status'], problem['code']], [status, code]);
  }
});

test('a client that takes no JSON is told before anything is done', async (t) => {
  const { api, send, place, events } = await startApi(t);
  const order = `/orders/${await place()}`;
  for (const [method, path, body] of [
    ['POST', '/orders', ORDER],
    ['PATCH', order, { items: [TEA] }],
    ['GET', order, undefined],
    ['GET', '/orders', undefined],
  ] as const) {
    for (const accept of ['text/html', 'application/json;q=0', 'image/*']) {
      const answer = await send(method, path, body, { accept });
      assert.deepEqual([answer.status, answer.body['code']], [406, 'not_acceptable'], `${method} ${accept}`);
    }
    for (const accept of ['application/*', 'text/html, */*;q=0.1']) {
      assert.ok((await send(method, path, body, { accept })).status < 300);
    }
  }
  assert.equal((await events()).length, 5);
  const page = await fetch(`${api.urls.http}/docs`, { headers: { accept: 'text/html' } });
  assert.equal(page.status, 200);
});

test('no answer is sniffed, framed or kept by others, and HEAD has what GET has', async (t) => {
  const { api, place } = await startApi(t);
  const order = `/orders/${await place()}`;
  for (const path of ['/orders', order, '/openapi.json', '/docs', '/nowhere']) {
    const [get, head] = await Promise.all([
      fetch(api.urls.http + path),
      fetch(api.urls.http + path, { method: 'HEAD' }),
    ]);
    assert.equal(get.headers.get('x-content-type-options'), 'nosniff');
    assert.match(
      get.headers.get('content-security-policy') ?? '',
      /default-src 'none'.*frame-ancestors 'none'/,
    );
    assert.equal(get.headers.get('cache-control'), 'private, no-cache');
    assert.equal(get.headers.get('x-powered-by'), null);
    assert.equal(head.status, get.status);
    for (const name of ['content-type', 'content-length', 'etag']) {
      if (path !== '/nowhere') assert.equal(head.headers.get(name), get.headers.get(name), `${path} ${name}`);
    }
    assert.equal(await head.text(), '');
    await get.text();
  }
});

test('a client that has said all it wants to say still gets its answer', async (t) => {
  const { api, databaseUrl, place, events } = await startApi(t);
  const placing = await openSocket(t, api.urls.http);
  placing.end(postOf(JSON.stringify(ORDER)));
  assert.match(await text(placing), /^HTTP\/1.1 201 /);
  // Also when it has to wait for it.
  const orderId = await place();
  const order = await lockOrder(t, databaseUrl, orderId);
  const changing = await openSocket(t, api.urls.http);
  const request = postOf(JSON.stringify({ status: 'confirmed' })).replace(
    'POST /orders',
    `PUT /orders/${orderId}/status`,
  );
  changing.end(request);
  await order.waited();
  await order.release();
  assert.match(await text(changing), /^HTTP\/1.1 200 /);
  assert.equal((await events()).length, 3);
});

test('one connection more than are let in is closed', async (t) => {
  const { api } = await startApi(t, { API_MAX_CONNECTIONS: '2' });
  const open = [await openSocket(t, api.urls.http), await openSocket(t, api.urls.http)];
  const refused = await openSocket(t, api.urls.http);
  assert.equal(await text(refused), '');
  for (const socket of open) socket.end(postOf(JSON.stringify(ORDER), 'Connection: close'));
  for (const socket of open) assert.match(await text(socket), /^HTTP\/1.1 201 /);
});

test('told to stop, it is not ready and goes on for a while, and waits for nobody who never sends a whole request', async (t) => {
  const { api, send } = await startApi(t, { API_DRAIN_DELAY_MS: '2000', API_STOP_DEADLINE_MS: '60000' });
  const [silent, headers, body] = [
    await openSocket(t, api.urls.http),
    await openSocket(t, api.urls.http),
    await openSocket(t, api.urls.http),
  ];
  headers.write('GET /orders HTTP/1.1\r\nHost: api\r\n');
  body.write(postOf('{}').slice(0, -1));
  const ends = Promise.all([silent, headers, body].map((socket) => text(socket).catch(() => '')));
  api.kill('SIGTERM');
  await eventually(async () => assert.equal((await fetch(`${api.urls.admin}/readyz`)).status, 503));
  assert.equal((await send('POST', '/orders', ORDER)).status, 201, 'a balancer has not seen it yet');
  const stoppedAtMs = performance.now();
  assert.deepEqual(await api.exited, { code: 0, signal: null });
  assert.ok(performance.now() - stoppedAtMs < 20_000, 'the deadline of a minute was not waited for');
  assert.ok((await ends).every((answer) => !answer.includes('201')));
});
