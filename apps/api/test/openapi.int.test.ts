import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { ORDER, startApi, TEA, type Answer } from '../testing/order-client.ts';

interface Operation {
  responses: Record<string, { content?: Record<string, { schema: { $ref: string } }>; headers?: object }>;
}

test('every answer is one that the document describes', async (t) => {
  const { send } = await startApi(t);
  const document = (await send('GET', '/openapi.json')).body;
  assert.equal(document['openapi'], '3.1.0');
  const paths = document['paths'] as Record<string, Record<string, Operation>>;
  const ajv = new Ajv2020({ strict: false });
  formats.default(ajv);
  ajv.addSchema(document, 'api');

  const describedAs = (path: string, method: string, answer: Answer) => {
    const what = `${method} ${path} ${answer.status}`;
    const described = paths[path]?.[method]?.responses[answer.status];
    assert.ok(described, `${what} is not described`);
    for (const name of Object.keys(described.headers ?? {})) {
      if (name !== 'Idempotency-Replayed')
        assert.notEqual(answer.headers.get(name), null, `${what}: ${name}`);
    }
    const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const schema = described.content?.[type]?.schema.$ref;
    if (answer.status === 304) return assert.equal(schema, undefined);
    assert.ok(schema, `${what} has another type than ${type}`);
    assert.ok(ajv.validate({ $ref: `api${schema}` }, answer.body), `${what}: ${ajv.errorsText()}`);
  };

  const placed = await send('POST', '/orders', ORDER, { 'idempotency-key': 'once' });
  describedAs('/orders', 'post', placed);
  describedAs('/orders', 'post', await send('POST', '/orders', {}));
  describedAs('/orders', 'post', await send('POST', '/orders', 'x', { 'content-type': 'text/plain' }));
  describedAs('/orders', 'post', await send('POST', '/orders', `"${'x'.repeat(600_000)}"`));
  const reused = await send(
    'POST',
    '/orders',
    { ...ORDER, customer_id: 'c-2' },
    { 'idempotency-key': 'once' },
  );
  describedAs('/orders', 'post', reused);
  describedAs('/orders', 'get', await send('GET', '/orders'));
  describedAs('/orders', 'get', await send('GET', '/orders?page_size=0'));

  const order = `/orders/${String(placed.body['order_id'])}`;
  const conditional = { 'if-none-match': '"v1"', 'cache-control': 'max-age=0' };
  describedAs('/orders/{order_id}', 'get', await send('GET', order));
  describedAs('/orders/{order_id}', 'get', await send('GET', order, undefined, conditional));
  describedAs('/orders/{order_id}', 'get', await send('GET', `/orders/${randomUUID()}`));
  describedAs('/orders/{order_id}', 'patch', await send('PATCH', order, { items: [TEA] }));
  const stale = await send('PATCH', order, { items: [TEA] }, { 'if-match': '"v1"' });
  describedAs('/orders/{order_id}', 'patch', stale);
  const status = (name: string) => send('PUT', `${order}/status`, { status: name });
  for (const name of ['confirmed', 'confirmed', 'lost']) {
    describedAs('/orders/{order_id}/status', 'put', await status(name));
  }
});

test('the document names every route, and a page shows it to people', async (t) => {
  const { api, send } = await startApi(t);
  const { body } = await send('GET', '/openapi.json');
  const paths = body['paths'] as Record<string, object>;
  const operations = Object.entries(paths).map(([path, methods]) => [path, Object.keys(methods)]);
  assert.deepEqual(operations, [
    ['/orders', ['get', 'post']],
    ['/orders/{order_id}', ['get', 'patch']],
    ['/orders/{order_id}/status', ['put']],
  ]);
  const page = await fetch(`${api.urls.http}/docs`);
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(await page.text(), /PUT \/orders\/\{order_id\}\/status/);
});
