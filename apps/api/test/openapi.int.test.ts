import assert from 'node:assert/strict';
import { test } from 'node:test';
import { undocumented } from '../testing/documented-answers.ts';
import { startApi, type Answer } from '../testing/order-client.ts';
import openApi from '../openapi.json' with { type: 'json' };

// That every answer of every test is documented is looked at by the client of the tests: testing/documented-answers.ts.

test('each example of a request gets the example of its answer, but for ids, times and tokens', async (t) => {
  const { send } = await startApi(t);
  const paths = openApi.paths;
  const json = 'application/json';
  const placing = paths['/orders'].post;
  const placed = await send('POST', '/orders', placing.requestBody.content[json].example);
  const order = placed.headers.get('location') ?? '';
  const listed = await send('GET', '/orders');
  const changing = paths['/orders/{order_id}'].patch;
  const changed = await send('PATCH', order, changing.requestBody.content[json].example);
  const moving = paths['/orders/{order_id}/status'].put;
  const moved = await send('PUT', `${order}/status`, moving.requestBody.content[json].example);
  const got = await send('GET', order);
  for (const [answer, operation, status] of [
    [placed, placing, '201'],
    [listed, paths['/orders'].get, '200'],
    [changed, changing, '200'],
    [moved, moving, '200'],
    [got, paths['/orders/{order_id}'].get, '200'],
  ] as const) {
    const shown = (operation.responses as unknown as Record<string, Shown>)[status]?.content[json]?.example;
    assert.deepEqual(stable(answer.body), stable(shown), operation.operationId);
  }
});

interface Shown {
  readonly content: Readonly<Record<string, { readonly example: unknown }>>;
}

function stable(value: unknown): unknown {
  const text = JSON.stringify(value)
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
    .replaceAll(/"changes_token":"[^"]+"/g, '"changes_token":"TOKEN"');
  return JSON.parse(text) as unknown;
}

test('what a client relies on is as it is committed', async (t) => {
  const { send } = await startApi(t);
  assert.deepEqual((await send('GET', '/openapi.json')).body, openApi);
});

test('an answer that the document does not describe is found', () => {
  const answer = (status: number, body: Answer['body'], type = 'application/json'): Answer => ({
    status,
    body,
    headers: new Headers({ 'content-type': type, 'x-request-id': '0'.repeat(32), etag: '"v3"' }),
  });
  const get = openApi.paths['/orders/{order_id}'].get;
  const order = get.responses['200'].content['application/json'].example;
  const path = '/orders/7f2c';
  assert.equal(undocumented('GET', path, answer(200, order)), undefined);
  assert.match(undocumented('GET', path, answer(202, order)) ?? '', /202 is not documented/);
  assert.match(undocumented('GET', path, answer(200, order, 'text/html')) ?? '', /text\/html/);
  assert.match(undocumented('GET', path, answer(200, { ...order, colour: 'red' })) ?? '', /additional/);
  const bare = { ...answer(200, order), headers: new Headers({ 'content-type': 'application/json' }) };
  assert.match(undocumented('GET', path, bare) ?? '', /no ETag/);
});
