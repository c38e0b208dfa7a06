import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { lockOrder, ORDER, startApi, TEA } from '../testing/order-client.ts';

test('a request sent again with its key changes nothing and gets the same answer', async (t) => {
  const { send, events } = await startApi(t);
  const key = { 'idempotency-key': `"${randomUUID()}"` };
  const first = await send('POST', '/orders', ORDER, key);
  const order = `/orders/${String(first.body['order_id'])}`;
  await send('PATCH', order, { items: [{ ...TEA, quantity: 9 }] });
  // Quoted or bare, it is the same key.
  const again = await send('POST', '/orders', ORDER, {
    'idempotency-key': key['idempotency-key'].slice(1, -1),
  });
  assert.deepEqual([first.status, again.status], [201, 201]);
  assert.deepEqual(again.body, first.body);
  for (const header of ['location', 'etag']) {
    assert.equal(again.headers.get(header), first.headers.get(header), header);
  }
  assert.equal(first.headers.get('idempotency-replayed'), null);
  assert.equal(again.headers.get('idempotency-replayed'), 'true');

  const confirm = () =>
    send('PUT', `${order}/status`, { status: 'confirmed' }, { 'idempotency-key': 'confirm-once' });
  assert.deepEqual([(await confirm()).status, (await confirm()).status], [200, 200]);
  assert.deepEqual(
    (await events()).map((row) => row.event_type),
    ['order.created', 'order.updated', 'order.status_changed'],
  );
});

test('a key that came with another request is refused', async (t) => {
  const { send, events } = await startApi(t);
  const key = { 'idempotency-key': randomUUID() };
  const first = await send('POST', '/orders', ORDER, key);
  const order = `/orders/${String(first.body['order_id'])}`;
  for (const answer of [
    await send('POST', '/orders', { ...ORDER, customer_id: 'c-2' }, key),
    await send('PATCH', order, { items: [TEA] }, key),
    await send('PUT', `${order}/status`, { status: 'confirmed' }, key),
  ]) {
    assert.deepEqual([answer.status, answer.body['code']], [422, 'idempotency_key_reused']);
  }
  assert.equal((await events()).length, 1);
});

test('a request that the version before has answered gets its answer again', async (t) => {
  const { send, events, pool } = await startApi(t);
  const key = { 'idempotency-key': randomUUID() };
  const first = await send('POST', '/orders', ORDER, key);
  // It told requests apart by their words.
  const asked = JSON.stringify(['POST', '/orders', null, ORDER]);
  await pool.query('UPDATE idempotency_keys SET fingerprint = $1', [
    createHash('sha256').update(asked).digest('base64url'),
  ]);
  const again = await send('POST', '/orders', ORDER, key);
  assert.deepEqual([again.status, again.body], [201, first.body]);
  assert.equal((await send('POST', '/orders', { ...ORDER, customer_id: 'c-2' }, key)).status, 422);
  assert.equal((await events()).length, 1);
});

test('the same asked for in other words is the same request', async (t) => {
  const { send, events } = await startApi(t);
  const key = { 'idempotency-key': randomUUID() };
  const first = await send('POST', '/orders', ORDER, key);
  const { customer_id, currency, items } = ORDER;
  const otherwise = JSON.stringify({ items, currency, customer_id }, null, 2).replace('"tea"', '"t\\u0065a"');
  for (const [path, body] of [
    ['/orders/', ORDER],
    ['/Orders', ORDER],
    ['/orders?', ORDER],
    ['/orders', otherwise.replace(': 450', ': 450.0')],
  ] as const) {
    const again = await send('POST', path, body, key);
    assert.deepEqual([again.status, again.body], [201, first.body], path);
  }
  const orderId = String(first.body['order_id']);
  const confirm = (path: string, tags: string) =>
    send('PUT', path, { status: 'confirmed' }, { 'idempotency-key': 'confirm', 'if-match': tags });
  assert.equal((await confirm(`/orders/${orderId}/status`, '"v1"')).status, 200);
  const again = await confirm(`/orders/${orderId.toUpperCase()}/status/`, ' ,"v1" ,');
  assert.deepEqual([again.status, again.headers.get('idempotency-replayed')], [200, 'true']);
  assert.equal((await confirm(`/orders/${orderId}/status`, '"v2"')).status, 422);
  assert.equal((await events()).length, 2);
});

test('of requests with one key at the same time one is made, the others are told to wait or get its answer', async (t) => {
  const { send, events } = await startApi(t);
  const key = { 'idempotency-key': randomUUID() };
  const answers = await Promise.all(Array.from({ length: 10 }, () => send('POST', '/orders', ORDER, key)));
  const made = answers.filter((answer) => answer.status === 201);
  assert.equal(new Set(made.map((answer) => answer.body['order_id'])).size, 1);
  for (const answer of answers.filter((each) => each.status !== 201)) {
    assert.deepEqual([answer.status, answer.body['code']], [409, 'idempotency_key_in_use']);
    assert.equal(answer.headers.get('retry-after'), '1');
  }
  assert.equal((await events()).length, 1);
});

test('while the first request is being worked on, the key is in use', async (t) => {
  const { databaseUrl, send, place } = await startApi(t);
  const orderId = await place();
  const key = { 'idempotency-key': randomUUID() };
  const confirm = () => send('PUT', `/orders/${orderId}/status`, { status: 'confirmed' }, key);
  const order = await lockOrder(t, databaseUrl, orderId);
  const both = [confirm(), confirm()];
  // One waits for the order, so the other is the one that is answered.
  const answered = await Promise.race(both);
  assert.deepEqual([answered.status, answered.body['code']], [409, 'idempotency_key_in_use']);
  await order.release();
  const statuses = (await Promise.all(both)).map((answer) => answer.status);
  assert.deepEqual(
    statuses.toSorted((a, b) => a - b),
    [200, 409],
  );
});

test('a request that failed may be repeated with its key, and keys expire', async (t) => {
  const { send, place, move, pool } = await startApi(t);
  const orderId = await place();
  const key = { 'idempotency-key': randomUUID() };
  const process = () => send('PUT', `/orders/${orderId}/status`, { status: 'processing' }, key);
  assert.equal((await process()).status, 409);
  await move(orderId, 'confirmed');
  assert.equal((await process()).status, 200);
  await pool.query(`UPDATE idempotency_keys SET expires_at = now() - interval '1 second'`);
  assert.equal((await process()).status, 409, 'made anew: it is processing already');

  // An expired key is as good as none, and goes when another comes.
  await send('POST', '/orders', ORDER, { 'idempotency-key': randomUUID() });
  assert.equal((await pool.query('SELECT 1 FROM idempotency_keys')).rowCount, 1);
});

test('after the clock of the database was set back, keys tell what was answered, and none stays for ever', async (t) => {
  const { send, pool } = await startApi(t);
  const setBack = (interval: string) =>
    pool.query(`UPDATE idempotency_keys SET expires_at = expires_at + $1::interval`, [interval]);
  const key = { 'idempotency-key': randomUUID() };
  const placed = await send('POST', '/orders', ORDER, key);
  await setBack('20 hours');
  assert.deepEqual((await send('POST', '/orders', ORDER, key)).body, placed.body);
  await setBack('9 days');
  await send('POST', '/orders', ORDER, { 'idempotency-key': randomUUID() });
  assert.equal((await pool.query('SELECT 1 FROM idempotency_keys')).rowCount, 1);
});
