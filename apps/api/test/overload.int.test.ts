import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../../test/harness/index.ts';
import { type Answer, lockOrder, ORDER, startApi, TEA } from '../testing/order-client.ts';

const isReady = async (adminUrl: string) => (await fetch(`${adminUrl}/readyz`)).ok;
const codesOf = (answers: readonly Answer[]) => [...new Set(answers.map((answer) => answer.body['code']))];

/** So many changes of an order, sent at once; `refused` has those that are answered while the order is locked. */
function changeAtOnce(
  send: (method: string, path: string, body: object) => Promise<Answer>,
  orderId: string,
) {
  return (count: number) => {
    const refused: Answer[] = [];
    const all = Array.from({ length: count }, async () => {
      const answer = await send('PATCH', `/orders/${orderId}`, { items: [TEA] });
      if (answer.status >= 400) refused.push(answer);
      return answer;
    });
    return { refused, all: Promise.all(all) };
  };
}

test('behind a locked order some wait, the others are told to come back, and nobody else notices', async (t) => {
  const { api, databaseUrl, send, place } = await startApi(t, {
    API_DATABASE_POOL_SIZE: '4',
    API_MAX_ORDER_WRITERS: '12',
    API_DATABASE_WAIT_MS: '10000',
  });
  const [locked, other] = [await place(), await place()];
  const order = await lockOrder(t, databaseUrl, locked);
  const { refused, all } = changeAtOnce(send, locked)(30);
  await eventually(() => assert.equal(refused.length, 18));
  assert.deepEqual(codesOf(refused), ['order_busy']);
  assert.deepEqual([refused[0]?.status, refused[0]?.headers.get('retry-after')], [409, '1']);

  const reads = Array.from({ length: 20 }, () => send('GET', `/orders/${other}`));
  const lists = Array.from({ length: 5 }, () => send('GET', '/orders'));
  const places = Array.from({ length: 5 }, () => send('POST', '/orders', ORDER));
  const statuses = (await Promise.all([...reads, ...lists, ...places])).map(({ status }) => status);
  assert.deepEqual(new Set(statuses), new Set([200, 201]));
  assert.equal((await send('PUT', `/orders/${other}/status`, { status: 'confirmed' })).status, 200);
  assert.ok(await isReady(api.urls.admin));

  await order.release();
  const changed = (await all).filter(({ status }) => status === 200);
  assert.equal(changed.length, 12);
  assert.equal((await send('GET', `/orders/${locked}`)).body['version'], 13);
});

test('while every change waits for a lock, orders are read, the API is ready, and other changes are refused soon', async (t) => {
  const { api, databaseUrl, send, place } = await startApi(t, {
    API_DATABASE_POOL_SIZE: '4',
    API_DATABASE_WAIT_MS: '50',
  });
  const orders = await Promise.all([place(), place(), place()]);
  const locks = await Promise.all(orders.map((orderId) => lockOrder(t, databaseUrl, orderId)));
  const waiting = Promise.all(orders.map((orderId) => changeAtOnce(send, orderId)(1).all));
  await eventually(async () => {
    const refused = await send('POST', '/orders', ORDER);
    assert.deepEqual([refused.status, refused.body['code']], [503, 'overloaded']);
    assert.equal(refused.headers.get('retry-after'), '1');
  });
  assert.equal((await send('GET', `/orders/${orders[0]}`)).status, 200);
  assert.equal((await send('GET', '/orders')).status, 200);
  assert.ok(await isReady(api.urls.admin));
  for (const { release } of locks) await release();
  assert.deepEqual(
    (await waiting).flat().map(({ status }) => status),
    [200, 200, 200],
  );
});

test('one request more than are answered at once is refused before it is read, and counted', async (t) => {
  const { api, databaseUrl, send, place } = await startApi(t, { API_MAX_REQUESTS: '2' });
  const orderId = await place();
  const order = await lockOrder(t, databaseUrl, orderId);
  const { all } = changeAtOnce(send, orderId)(2);
  await eventually(async () => {
    const refused = await send('GET', '/orders');
    assert.deepEqual([refused.status, refused.body['code']], [503, 'overloaded']);
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.match(refused.headers.get('content-type') ?? '', /^application\/problem\+json/);
    assert.match(refused.headers.get('x-request-id') ?? '', /^[0-9a-f]{32}$/);
  });
  assert.ok(await isReady(api.urls.admin));
  const metrics = await (await fetch(`${api.urls.admin}/metrics`)).text();
  assert.match(metrics, /^http_server_requests_refused_total\{.*\} [1-9]/m);
  await order.release();
  assert.deepEqual(
    (await all).map(({ status }) => status),
    [200, 200],
  );
  assert.equal((await send('GET', '/orders')).status, 200);
});

test('of hundreds of orders at once each is placed, or refused with a time to come back', async (t) => {
  const { send, events } = await startApi(t, { API_MAX_REQUESTS: '40' });
  const answers = await Promise.all(Array.from({ length: 300 }, () => send('POST', '/orders', ORDER)));
  const placed = answers.filter(({ status }) => status === 201);
  const refused = answers.filter(({ status }) => status === 503);
  assert.equal(placed.length + refused.length, 300);
  assert.ok(placed.length > 0 && refused.length > 0);
  assert.deepEqual(codesOf(refused), ['overloaded']);
  assert.ok(refused.every(({ headers }) => headers.get('retry-after') === '1'));
  assert.equal((await events()).length, placed.length);
});
