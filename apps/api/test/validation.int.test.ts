import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ORDER, pointers, startApi, TEA } from '../testing/order-client.ts';

const withItem = (item: object) => ({ ...ORDER, items: [{ ...TEA, ...item }] });

const FAULTY_ORDERS: [unknown, string[]][] = [
  [{}, ['/customer_id', '/currency', '/items']],
  [{ ...ORDER, items: [] }, ['/items']],
  [{ ...ORDER, items: Array.from({ length: 1001 }, () => TEA) }, ['/items']],
  [withItem({ quantity: 0 }), ['/items/0/quantity']],
  [withItem({ quantity: 1.5 }), ['/items/0/quantity']],
  [withItem({ quantity: '2' }), ['/items/0/quantity']],
  [withItem({ unit_price_minor: -1 }), ['/items/0/unit_price_minor']],
  [withItem({ sku: 'x'.repeat(65) }), ['/items/0/sku']],
  [withItem({ sku: 'a\u0000b' }), ['/items/0/sku']],
  [withItem({ sku: '\ud800' }), ['/items/0/sku']],
  [withItem({ 'a/b~c': 1 }), ['/items/0/a~1b~0c']],
  [{ ...ORDER, items: [TEA, { ...TEA, sku: '', quantity: 0 }] }, ['/items/1/sku', '/items/1/quantity']],
  [{ ...ORDER, currency: 'euro' }, ['/currency']],
  [{ ...ORDER, customer_id: '' }, ['/customer_id']],
  [{ ...ORDER, customer_id: 7 }, ['/customer_id']],
  [{ ...ORDER, customer_id: 'a\u0000b' }, ['/customer_id']],
  [{ ...ORDER, customer_id: '\udc00' }, ['/customer_id']],
  [{ ...ORDER, price: 1, status: 'shipped' }, ['/price', '/status']],
  [[ORDER], ['']],
  ['null', ['']],
  ['"order"', ['']],
];

test('every fault of an order is pointed at, and nothing is written', async (t) => {
  const { send, events, pool } = await startApi(t);
  for (const [body, expected] of FAULTY_ORDERS) {
    const answer = await send('POST', '/orders', body);
    const shown = JSON.stringify(body).slice(0, 200);
    assert.equal(answer.status, 400, shown);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
    assert.equal(answer.body['code'], 'validation_failed', shown);
    assert.deepEqual(pointers(answer), expected, shown);
  }
  assert.deepEqual(await events(), []);
  assert.equal((await pool.query('SELECT 1 FROM orders')).rowCount, 0);
});

test('a new id is what it looks like, and orders that have another from before are there all the same', async (t) => {
  const { send, place, events, pool } = await startApi(t);
  const orderId = await place({ ...ORDER, customer_id: 'Müller & Söhne' });
  const [old, oldSku] = ['Mu\u0308ller\u200b ', 'tea\u00a0'];
  for (const body of [{ ...ORDER, customer_id: old }, withItem({ sku: oldSku })]) {
    const answer = await send('POST', '/orders', body);
    assert.deepEqual([answer.status, answer.body['code']], [422, 'invalid_order']);
    assert.match(String(answer.body['detail']), /found U\+(200B|00A0)/);
  }
  const withOldSku = { items: [{ ...TEA, sku: oldSku }] };
  assert.equal((await send('PATCH', `/orders/${orderId}`, withOldSku)).status, 422);
  assert.equal((await events()).length, 1);

  await pool.query('UPDATE orders SET customer_id = $1, items = jsonb_set(items, $2, to_jsonb($3::text))', [
    old,
    '{0,sku}',
    oldSku,
  ]);
  const list = await send('GET', `/orders?customer_id=${encodeURIComponent(old)}`);
  assert.deepEqual(list.body['orders'], [(await send('GET', `/orders/${orderId}`)).body]);
  assert.equal((await send('PATCH', `/orders/${orderId}`, withOldSku)).status, 200);
});

test('every fault of a change, a path, a query and a header is pointed at', async (t) => {
  const { send, place, events } = await startApi(t);
  const orderId = await place();
  const order = `/orders/${orderId}`;
  const cases: [string, string, unknown, Record<string, string>, string[]][] = [
    ['PATCH', order, { items: [] }, {}, ['/items']],
    ['PATCH', order, {}, {}, ['/items']],
    ['PATCH', order, { items: [TEA], status: 'shipped' }, {}, ['/status']],
    ['PUT', `${order}/status`, { status: 'lost' }, {}, ['/status']],
    ['PUT', `${order}/status`, {}, {}, ['/status']],
    ['PUT', '/orders/nonsense/status', { status: 'confirmed' }, {}, ['/path/order_id']],
    ['PUT', `${order}/status`, { status: 'confirmed' }, { 'if-match': 'v1' }, ['/headers/if-match']],
    [
      'PUT',
      `${order}/status`,
      { status: 'confirmed' },
      { 'idempotency-key': 'a"b' },
      ['/headers/idempotency-key'],
    ],
    ['GET', '/orders/42', undefined, {}, ['/path/order_id']],
    ['GET', '/orders?status=lost', undefined, {}, ['/query/status']],
    ['GET', '/orders?status=pending&status=shipped', undefined, {}, ['/query/status']],
    ['GET', '/orders?statuses=pending&statuses=lost', undefined, {}, ['/query/statuses/1']],
    ['GET', '/orders?statuses=pending&status=shipped', undefined, {}, ['/query/statuses']],
    ['GET', '/orders?order_ids=42', undefined, {}, ['/query/order_ids/0']],
    ['GET', `/orders?${'customer_ids=a&'.repeat(21)}`, undefined, {}, ['/query/customer_ids']],
    ['GET', '/orders?customer_id=%00', undefined, {}, ['/query/customer_id']],
    ['GET', '/orders?customer_id=', undefined, {}, ['/query/customer_id']],
    ['GET', '/orders?page_size=0', undefined, {}, ['/query/page_size']],
    ['GET', '/orders?page_size=501', undefined, {}, ['/query/page_size']],
    ['GET', '/orders?page_size=many', undefined, {}, ['/query/page_size']],
    ['GET', '/orders?page_token=garbage', undefined, {}, ['/query/page_token']],
    ['GET', '/orders?colour=red&page_size=0', undefined, {}, ['/query/page_size', '/query/colour']],
  ];
  for (const [method, path, body, headers, expected] of cases) {
    const answer = await send(method, path, body, headers);
    const shown = `${method} ${path} ${JSON.stringify(body)}`;
    assert.deepEqual([answer.status, answer.body['code']], [400, 'validation_failed'], shown);
    assert.deepEqual(pointers(answer).toSorted(), expected.toSorted(), shown);
    assert.equal(answer.body['instance'], path);
  }
  assert.equal((await events()).length, 1);
});

test('what cannot be read, found or done gets the documented answer', async (t) => {
  const { api, send, place } = await startApi(t);
  const order = `/orders/${await place()}`;
  const unknown = `/orders/${randomUUID()}`;
  const large = JSON.stringify({ ...ORDER, customer_id: 'x'.repeat(600_000) });
  const type = (value: string) => ({ 'content-type': value });
  const cases: [string, string, unknown, Record<string, string>, number, string][] = [
    ['POST', '/orders', '{"customer_id":', {}, 400, 'malformed_json'],
    ['POST', '/orders', 'no gzip', { 'content-encoding': 'gzip' }, 400, 'malformed_json'],
    ['POST', '/orders', 'a=b', type('application/x-www-form-urlencoded'), 415, 'unsupported_media_type'],
    ['POST', '/orders', ORDER, type('application/json; charset=latin1'), 415, 'unsupported_media_type'],
    ['POST', '/orders', ORDER, type('application/json; charset=utf-16le'), 415, 'unsupported_media_type'],
    ['POST', '/orders', ORDER, type('application/json; charset=utf-7'), 415, 'unsupported_media_type'],
    ['POST', '/orders', ORDER, { 'content-encoding': 'compress' }, 415, 'unsupported_media_type'],
    ['PATCH', order, ORDER, type('application/merge-patch+json'), 415, 'unsupported_media_type'],
    ['POST', '/orders', large, {}, 413, 'payload_too_large'],
    ['GET', unknown, undefined, {}, 404, 'order_not_found'],
    ['PATCH', unknown, { items: [TEA] }, {}, 404, 'order_not_found'],
    ['PUT', `${unknown}/status`, { status: 'confirmed' }, {}, 404, 'order_not_found'],
    ['GET', '/nowhere', undefined, {}, 404, 'route_not_found'],
    ['POST', '/nowhere', '{"customer_id":', {}, 404, 'route_not_found'],
    ['GET', '/orders/%zz', undefined, {}, 400, 'validation_failed'],
    ['GET', '/orders?customer_id=%ff', undefined, {}, 400, 'validation_failed'],
    ['GET', '/orders?customer_id=%', undefined, {}, 400, 'validation_failed'],
  ];
  for (const [method, path, body, headers, status, code] of cases) {
    const answer = await send(method, path, body, headers);
    assert.deepEqual([answer.status, answer.body['code']], [status, code], `${method} ${path}`);
    assert.equal(answer.body['instance'], path);
    assert.equal(answer.body['type'], `/problems#${code}`);
  }
  for (const [method, path, allowed] of [
    ['DELETE', '/orders', 'GET, HEAD, OPTIONS, POST'],
    ['PUT', order, 'GET, HEAD, OPTIONS, PATCH'],
    ['GET', `${order}/status`, 'OPTIONS, PUT'],
    ['POST', '/openapi.json', 'GET, HEAD, OPTIONS'],
    ['DELETE', '/docs', 'GET, HEAD, OPTIONS'],
  ] as const) {
    const asked = await send('OPTIONS', path);
    assert.deepEqual([asked.status, asked.headers.get('allow')], [204, allowed]);
    const answer = await send(method, path);
    assert.deepEqual([answer.status, answer.body['code']], [405, 'method_not_allowed']);
    assert.equal(answer.headers.get('allow'), allowed);
  }
  // Two ids that differ in a byte that is no character: as text they would be the same.
  for (const byte of [0xff, 0xfe]) {
    const body = Buffer.from(JSON.stringify({ ...ORDER, customer_id: 'c-_' }));
    body[body.indexOf('_', body.indexOf('c-'))] = byte;
    for (const [encoding, bytes] of [
      ['identity', body],
      ['gzip', gzipSync(body)],
    ] as const) {
      const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
      const answer = await fetch(`${api.urls.http}/orders`, { method: 'POST', headers, body: bytes });
      const { code } = (await answer.json()) as { code: string };
      assert.deepEqual([answer.status, code], [400, 'malformed_json'], encoding);
    }
  }
  const quoted = { 'content-type': 'application/json; charset="UTF-8"' };
  assert.equal((await send('POST', '/orders', ORDER, quoted)).status, 201);
  const compressed = await fetch(`${api.urls.http}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    body: gzipSync(JSON.stringify(ORDER)),
  });
  assert.equal(compressed.status, 201);
});
