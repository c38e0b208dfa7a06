import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { keyHash } from '@order-events/messaging/key-hash';
import { decodeOrderEvent } from '@order-events/messaging/order-message';
import pg from 'pg';
import { createTestDatabase, startApp } from '../../../test/harness/index.ts';

const TEA = { sku: 'tea', quantity: 2, unit_price_minor: 450 };
const ORDER = { customer_id: 'c-1', currency: 'EUR', items: [TEA] };

interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

async function setup(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const api = await startApp(t, 'api', { DATABASE_URL: url });
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  t.after(() => pool.end());
  const send = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const response = await fetch(api.urls.http + path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text ? (JSON.parse(text) as Record<string, unknown>) : {},
    };
  };
  const place = async () => String((await send('POST', '/orders', ORDER)).body['order_id']);
  const outbox = async () =>
    (
      await pool.query<{
        key: string;
        key_hash: number;
        payload: string;
        headers: Record<string, string>;
        event_type: string;
      }>('SELECT key, key_hash, payload, headers, event_type FROM outbox ORDER BY seq')
    ).rows;
  return { api, pool, send, place, outbox };
}

function pointers(answer: Answer): string[] {
  return (answer.body['errors'] as { pointer: string }[]).map((error) => error.pointer);
}

test('an order is placed with its event in one transaction', async (t) => {
  const { send, outbox } = await setup(t);
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const placed = await send('POST', '/orders', ORDER, { traceparent });
  assert.equal(placed.status, 201);
  const orderId = String(placed.body['order_id']);
  assert.equal(placed.headers.get('location'), `/orders/${orderId}`);
  assert.equal(placed.headers.get('etag'), '"v1"');
  const { created_at, updated_at, ...rest } = placed.body;
  assert.deepEqual(rest, { order_id: orderId, ...ORDER, status: 'pending', version: 1, total_minor: 900 });
  assert.equal(created_at, updated_at);

  const [row, ...more] = await outbox();
  assert.ok(row);
  assert.deepEqual(more, []);
  assert.equal(row.key, orderId);
  assert.equal(row.key_hash, keyHash(orderId));
  assert.deepEqual(row.headers, { traceparent });
  const event = decodeOrderEvent(row.payload);
  assert.equal(event.eventType, 'order.created');
  assert.equal(event.order.totalMinor, 900);
  assert.equal(event.previousStatus, undefined);
});

test('an order goes through its life, one event and one version a step', async (t) => {
  const { send, place, outbox } = await setup(t);
  const orderId = await place();
  const patched = await send('PATCH', `/orders/${orderId}`, { items: [TEA, { ...TEA, sku: 'cup' }] });
  assert.deepEqual([patched.status, patched.body['version'], patched.body['total_minor']], [200, 2, 1800]);
  for (const status of ['confirmed', 'processing', 'shipped', 'delivered']) {
    assert.equal((await send('PUT', `/orders/${orderId}/status`, { status })).status, 200);
  }
  const read = await send('GET', `/orders/${orderId}`);
  assert.deepEqual([read.body['status'], read.body['version']], ['delivered', 6]);
  const events = (await outbox()).map((row) => decodeOrderEvent(row.payload));
  assert.deepEqual(
    events.map(({ eventType, previousStatus, order }) => [
      eventType,
      previousStatus,
      order.status,
      order.version,
    ]),
    [
      ['order.created', undefined, 'pending', 1],
      ['order.updated', 'pending', 'pending', 2],
      ['order.status_changed', 'pending', 'confirmed', 3],
      ['order.status_changed', 'confirmed', 'processing', 4],
      ['order.status_changed', 'processing', 'shipped', 5],
      ['order.status_changed', 'shipped', 'delivered', 6],
    ],
  );
});

test('every wrong step of the status machine is refused and leaves no event', async (t) => {
  const { send, place, outbox } = await setup(t);
  const paths = [
    [],
    ['confirmed'],
    ['confirmed', 'processing'],
    ['cancelled'],
    ['confirmed', 'processing', 'shipped'],
  ];
  const wrong: Record<string, string[]> = {
    pending: ['pending', 'processing', 'shipped', 'delivered'],
    confirmed: ['pending', 'confirmed', 'shipped', 'delivered'],
    processing: ['pending', 'confirmed', 'processing', 'delivered'],
    cancelled: ['pending', 'confirmed', 'processing', 'shipped', 'delivered', 'cancelled'],
    shipped: ['pending', 'confirmed', 'processing', 'shipped', 'cancelled'],
  };
  for (const path of paths) {
    const orderId = await place();
    for (const status of path) await send('PUT', `/orders/${orderId}/status`, { status });
    const before = (await outbox()).length;
    const from = path.at(-1) ?? 'pending';
    for (const status of wrong[from] ?? []) {
      const answer = await send('PUT', `/orders/${orderId}/status`, { status });
      assert.equal(answer.status, 409, `${from} to ${status}`);
      assert.equal(answer.body['code'], 'invalid_status_transition');
    }
    assert.equal((await outbox()).length, before);
  }
  const shipped = await place();
  for (const status of ['confirmed', 'processing'])
    await send('PUT', `/orders/${shipped}/status`, { status });
  const late = await send('PATCH', `/orders/${shipped}`, { items: [TEA] });
  assert.deepEqual([late.status, late.body['code']], [422, 'invalid_order']);
});

test('every fault of a body is pointed at, and nothing is written', async (t) => {
  const { send, place, outbox, pool } = await setup(t);
  const cases: [unknown, string[]][] = [
    [{}, ['/customer_id', '/currency', '/items']],
    [{ ...ORDER, items: [] }, ['/items']],
    [{ ...ORDER, items: [{ ...TEA, quantity: 0 }] }, ['/items/0/quantity']],
    [{ ...ORDER, items: [{ ...TEA, quantity: 1.5 }] }, ['/items/0/quantity']],
    [
      {
        ...ORDER,
        items: [
          { ...TEA, unit_price_minor: -1 },
          { ...TEA, sku: '' },
        ],
      },
      ['/items/0/unit_price_minor', '/items/1/sku'],
    ],
    [{ ...ORDER, currency: 'euro' }, ['/currency']],
    [{ ...ORDER, customer_id: '' }, ['/customer_id']],
    [{ ...ORDER, customer_id: 7 }, ['/customer_id']],
    [{ ...ORDER, price: 1 }, ['']],
    [[ORDER], ['']],
    ['null', ['']],
    ['', ['/customer_id', '/currency', '/items']],
  ];
  for (const [body, expected] of cases) {
    const answer = await send('POST', '/orders', body);
    const shown = JSON.stringify(body);
    assert.equal(answer.status, 400, shown);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
    if (body === 'null') continue;
    assert.equal(answer.body['code'], 'validation_failed', shown);
    assert.deepEqual(pointers(answer), expected, shown);
  }
  assert.deepEqual(await outbox(), []);
  assert.equal((await pool.query('SELECT 1 FROM orders')).rowCount, 0);

  const orderId = await place();
  for (const [method, path, body, pointer] of [
    ['PATCH', `/orders/${orderId}`, { items: [] }, '/items'],
    ['PATCH', `/orders/${orderId}`, { items: [TEA], status: 'shipped' }, ''],
    ['PUT', `/orders/${orderId}/status`, { status: 'lost' }, '/status'],
    ['PUT', `/orders/${orderId}/status`, {}, '/status'],
    ['PUT', '/orders/nonsense/status', { status: 'confirmed' }, '/path/order_id'],
  ] as const) {
    const answer = await send(method, path, body);
    assert.deepEqual(
      [answer.status, pointers(answer)],
      [400, [pointer]],
      `${method} ${path} ${JSON.stringify(body)}`,
    );
  }
});

test('what is not understood gets the documented answer', async (t) => {
  const { send, place } = await setup(t);
  const orderId = await place();
  const unknown = randomUUID();
  const cases: [string, string, unknown, Record<string, string>, number, string][] = [
    ['POST', '/orders', '{"customer_id":', {}, 400, 'malformed_json'],
    [
      'POST',
      '/orders',
      'a=b',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'unsupported_media_type',
    ],
    [
      'POST',
      '/orders',
      JSON.stringify({ ...ORDER, customer_id: 'x'.repeat(600_000) }),
      {},
      413,
      'payload_too_large',
    ],
    ['GET', `/orders/${unknown}`, undefined, {}, 404, 'order_not_found'],
    ['PATCH', `/orders/${unknown}`, { items: [TEA] }, {}, 404, 'order_not_found'],
    ['PUT', `/orders/${unknown}/status`, { status: 'confirmed' }, {}, 404, 'order_not_found'],
    ['GET', '/nowhere', undefined, {}, 404, 'route_not_found'],
    ['DELETE', `/orders/${orderId}`, undefined, {}, 405, 'method_not_allowed'],
    ['GET', '/orders?status=lost', undefined, {}, 400, 'validation_failed'],
    ['GET', '/orders?page_size=0', undefined, {}, 400, 'validation_failed'],
    ['GET', '/orders?page_token=garbage', undefined, {}, 400, 'validation_failed'],
    ['GET', '/orders?colour=red', undefined, {}, 400, 'validation_failed'],
    ['GET', '/orders?status=pending&status=shipped', undefined, {}, 400, 'validation_failed'],
    [
      'PUT',
      `/orders/${orderId}/status`,
      { status: 'confirmed' },
      { 'if-match': '"v9"' },
      412,
      'version_mismatch',
    ],
    [
      'PUT',
      `/orders/${orderId}/status`,
      { status: 'confirmed' },
      { 'if-match': 'v1' },
      400,
      'validation_failed',
    ],
  ];
  for (const [method, path, body, headers, status, code] of cases) {
    const answer = await send(method, path, body, headers);
    assert.deepEqual([answer.status, answer.body['code']], [status, code], `${method} ${path}`);
    assert.equal(answer.body['instance'], path);
  }
  const allowed = await send('DELETE', '/orders');
  assert.equal(allowed.headers.get('allow'), 'GET, HEAD, POST');
  // Fetch would add "no-cache" to a conditional request of its own accord.
  const conditional = { 'if-none-match': '"v1"', 'cache-control': 'max-age=0' };
  const fresh = await send('GET', `/orders/${orderId}`, undefined, conditional);
  assert.equal(fresh.status, 304);
});

test('pages hold every order once, newest first, while orders are placed', async (t) => {
  const { send, place } = await setup(t);
  const placed: string[] = [];
  for (let count = 0; count < 7; count++) placed.push(await place());
  const seen: string[] = [];
  let token: unknown = null;
  do {
    const query = token === null ? '' : `&page_token=${String(token)}`;
    const { body } = await send('GET', `/orders?customer_id=c-1&page_size=3${query}`);
    seen.push(...(body['orders'] as { order_id: string }[]).map((order) => order.order_id));
    token = body['next_page_token'];
    await place();
  } while (token !== null);
  assert.deepEqual(seen, placed.toReversed());

  const first = await send('GET', '/orders?page_size=3');
  const other = await send(
    'GET',
    `/orders?status=pending&page_token=${String(first.body['next_page_token'])}`,
  );
  assert.equal(other.status, 400, 'a token belongs to its filter');
});

test('changes of one order at the same time are made one after the other', async (t) => {
  const { send, place, outbox } = await setup(t);
  const orderId = await place();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => send('PATCH', `/orders/${orderId}`, { items: [TEA] })),
  );
  assert.deepEqual(
    answers.map((answer) => Number(answer.body['version'])).sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, index) => index + 2),
  );
  const versions = (await outbox()).map((row) => decodeOrderEvent(row.payload).order.version);
  assert.deepEqual(
    versions,
    Array.from({ length: 21 }, (_, index) => index + 1),
    'seq follows commit order',
  );

  const confirmations = await Promise.all(
    Array.from({ length: 5 }, () =>
      send('PUT', `/orders/${orderId}/status`, { status: 'confirmed' }, { 'if-match': '"v21"' }),
    ),
  );
  assert.deepEqual(confirmations.map((answer) => answer.status).sort(), [200, 412, 412, 412, 412]);
});

test('an outbox that refuses the event takes the order back', async (t) => {
  const { send, pool, place, outbox } = await setup(t);
  const orderId = await place();
  await pool.query(`ALTER TABLE outbox ADD CONSTRAINT refuse CHECK (event_type <> 'order.status_changed')`);
  const answer = await send('PUT', `/orders/${orderId}/status`, { status: 'confirmed' });
  assert.deepEqual([answer.status, answer.body['code']], [500, 'internal_error']);
  assert.doesNotMatch(JSON.stringify(answer.body), /constraint|refuse|outbox/);
  const read = await send('GET', `/orders/${orderId}`);
  assert.deepEqual([read.body['status'], read.body['version']], ['pending', 1]);
  assert.equal((await outbox()).length, 1);
});

test('the API describes itself', async (t) => {
  const { send, api } = await setup(t);
  const { body } = await send('GET', '/openapi.json');
  assert.equal(body['openapi'], '3.1.0');
  assert.deepEqual(Object.keys(body['paths'] as object), [
    '/orders',
    '/orders/{order_id}',
    '/orders/{order_id}/status',
  ]);
  const page = await (await fetch(`${api.urls.http}/docs`)).text();
  assert.match(page, /PUT \/orders\/\{order_id\}\/status/);
});
