import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyHash } from '@order-events/messaging/key-hash';
import eventSchema from '@order-events/messaging/order-event.schema.json' with { type: 'json' };
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { ORDER, startApi, TEA } from '../testing/order-client.ts';

test('an order is placed with its event in one transaction', async (t) => {
  const { send, events } = await startApi(t);
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const placed = await send('POST', '/orders', ORDER, { traceparent });
  assert.equal(placed.status, 201);
  const orderId = String(placed.body['order_id']);
  assert.equal(placed.headers.get('location'), `/orders/${orderId}`);
  assert.equal(placed.headers.get('etag'), '"v1"');
  const { created_at, updated_at, ...rest } = placed.body;
  assert.deepEqual(rest, { order_id: orderId, ...ORDER, status: 'pending', version: 1, total_minor: 900 });
  assert.equal(created_at, updated_at);
  assert.match(String(created_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual((await send('GET', `/orders/${orderId}`)).body, placed.body);

  const [row, ...more] = await events();
  assert.ok(row);
  assert.deepEqual(more, []);
  assert.deepEqual([row.key, row.key_hash], [orderId, keyHash(orderId)]);
  assert.deepEqual(row.headers, { traceparent });
  assert.deepEqual([row.event_type, row.event_id], ['order.created', row.event.eventId]);
  assert.equal(row.event.order.totalMinor, 900);
});

test('a change is answered with a position that is not before its commit, and so is a repeated one', async (t) => {
  const { send } = await startApi(t);
  const key = { 'idempotency-key': 'position' };
  const answers = [await send('POST', '/orders', ORDER, key), await send('POST', '/orders', ORDER, key)];
  const positions = answers.map(({ headers }) => String(headers.get('write-position')).split('.'));
  assert.equal(answers[1]?.headers.get('idempotency-replayed'), 'true');
  const { order_id: orderId, created_at } = answers[0]?.body ?? {};
  for (const [ms, ...change] of positions) {
    assert.deepEqual(change, ['1', orderId]);
    const lateMs = Number(ms) - Date.parse(String(created_at));
    assert.ok(lateMs > 0 && lateMs < 60_000, `${lateMs} ms after its creation`);
  }
});

test('an order goes through its life, one event and one version a step', async (t) => {
  const { send, place, move, events } = await startApi(t);
  const orderId = await place();
  const patched = await send('PATCH', `/orders/${orderId}`, { items: [TEA, { ...TEA, sku: 'cup' }] });
  assert.deepEqual([patched.status, patched.body['version'], patched.body['total_minor']], [200, 2, 1800]);
  assert.equal(patched.headers.get('etag'), '"v2"');
  await move(orderId, 'confirmed', 'processing', 'shipped', 'delivered');
  const read = await send('GET', `/orders/${orderId}`);
  assert.deepEqual([read.body['status'], read.body['version']], ['delivered', 6]);

  const rows = await events();
  assert.deepEqual(
    rows.map(({ event }) => [event.eventType, event.previousStatus, event.order.status, event.order.version]),
    [
      ['order.created', undefined, 'pending', 1],
      ['order.updated', 'pending', 'pending', 2],
      ['order.status_changed', 'pending', 'confirmed', 3],
      ['order.status_changed', 'confirmed', 'processing', 4],
      ['order.status_changed', 'processing', 'shipped', 5],
      ['order.status_changed', 'shipped', 'delivered', 6],
    ],
  );
  const ajv = new Ajv2020();
  formats.default(ajv);
  const validate = ajv.compile(eventSchema);
  for (const row of rows) assert.ok(validate(JSON.parse(row.payload)), ajv.errorsText(validate.errors));
});

test('every wrong step of the status machine is refused and leaves no event', async (t) => {
  const { send, place, move, events } = await startApi(t);
  const wrong: [string[], string[]][] = [
    [[], ['pending', 'processing', 'shipped', 'delivered']],
    [['confirmed'], ['pending', 'confirmed', 'shipped', 'delivered']],
    [
      ['confirmed', 'processing'],
      ['pending', 'confirmed', 'processing', 'delivered'],
    ],
    [
      ['confirmed', 'processing', 'shipped'],
      ['pending', 'confirmed', 'processing', 'shipped', 'cancelled'],
    ],
    [
      ['confirmed', 'processing', 'shipped', 'delivered'],
      ['pending', 'confirmed', 'processing', 'shipped', 'delivered', 'cancelled'],
    ],
    [['cancelled'], ['pending', 'confirmed', 'processing', 'shipped', 'delivered', 'cancelled']],
  ];
  for (const [path, refused] of wrong) {
    const orderId = await place();
    await move(orderId, ...path);
    const before = (await events()).length;
    for (const status of refused) {
      const answer = await send('PUT', `/orders/${orderId}/status`, { status });
      const step = `${path.at(-1) ?? 'pending'} to ${status}`;
      assert.deepEqual([answer.status, answer.body['code']], [409, 'invalid_status_transition'], step);
    }
    assert.equal((await events()).length, before);
  }
});

test('an order that is being packed cannot be changed, nor one with a total beyond exact numbers', async (t) => {
  const { send, place, move, events } = await startApi(t);
  const orderId = await place();
  await move(orderId, 'confirmed', 'processing');
  const late = await send('PATCH', `/orders/${orderId}`, { items: [TEA] });
  assert.deepEqual([late.status, late.body['code']], [422, 'invalid_order']);
  const dear = { ...TEA, quantity: 1_000_000, unit_price_minor: 1_000_000_000 };
  const huge = await send('POST', '/orders', { ...ORDER, items: Array.from({ length: 10 }, () => dear) });
  assert.deepEqual([huge.status, huge.body['code']], [422, 'invalid_order']);
  assert.equal((await events()).length, 3);
});

test('the largest order that is accepted has an event that fits', async (t) => {
  const { place, events } = await startApi(t);
  // Three bytes each in UTF-8, the most there are for one unit of length.
  const item = { sku: '€'.repeat(64), quantity: 1_000_000, unit_price_minor: 1_000_000 };
  const items = Array.from({ length: 1000 }, () => item);
  await place({ ...ORDER, customer_id: '€'.repeat(200), items });
  const [row] = await events();
  assert.equal(row?.event.order.items.length, 1000);
});

test('changes of one order at the same time are made one after the other', async (t) => {
  const { send, place, events } = await startApi(t, { API_DATABASE_WAIT_MS: '20000' });
  const orderId = await place();
  const changes = await Promise.all(
    Array.from({ length: 20 }, () => send('PATCH', `/orders/${orderId}`, { items: [TEA] })),
  );
  assert.deepEqual(
    changes.map((answer) => Number(answer.body['version'])).sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, index) => index + 2),
  );

  const answers = await Promise.all(
    ['confirmed', 'cancelled', 'confirmed', 'cancelled', 'confirmed'].map((status) =>
      send('PUT', `/orders/${orderId}/status`, { status }),
    ),
  );
  const accepted = answers.filter((answer) => answer.status === 200).map((answer) => answer.body['status']);
  assert.ok(answers.every((answer) => answer.status === 200 || answer.status === 409));
  // A confirmed order can still be cancelled; everything else comes too late.
  assert.deepEqual(
    new Set(accepted),
    new Set(accepted.length === 1 ? ['cancelled'] : ['confirmed', 'cancelled']),
  );
  assert.ok(accepted.length <= 2);
  const versions = (await events()).map((row) => row.event.order.version);
  assert.deepEqual(
    versions,
    Array.from({ length: 21 + accepted.length }, (_, index) => index + 1),
    'the sequence of the outbox is the order of the versions',
  );
});

test('a change made for another version is refused', async (t) => {
  const { send, place } = await startApi(t);
  const orderId = await place();
  const confirm = () =>
    send('PUT', `/orders/${orderId}/status`, { status: 'confirmed' }, { 'if-match': '"v1"' });
  const statuses = (await Promise.all([confirm(), confirm(), confirm()])).map((answer) => answer.status);
  assert.deepEqual(
    statuses.toSorted((a, b) => a - b),
    [200, 412, 412],
  );
  const any = await send('PATCH', `/orders/${orderId}`, { items: [TEA] }, { 'if-match': '*' });
  assert.equal(any.status, 200);
  const conditional = { 'if-none-match': '"v3"' };
  assert.equal((await send('GET', `/orders/${orderId}`, undefined, conditional)).status, 304);
});

test('an outbox that refuses the event takes the order back', async (t) => {
  const { send, pool, place, events } = await startApi(t);
  const orderId = await place();
  await pool.query(`ALTER TABLE outbox ADD CONSTRAINT refuse CHECK (event_type <> 'order.status_changed')`);
  const answer = await send('PUT', `/orders/${orderId}/status`, { status: 'confirmed' });
  assert.deepEqual([answer.status, answer.body['code']], [500, 'internal_error']);
  assert.doesNotMatch(JSON.stringify(answer.body), /constraint|refuse|outbox/);
  const read = await send('GET', `/orders/${orderId}`);
  assert.deepEqual([read.body['status'], read.body['version']], ['pending', 1]);
  assert.equal((await events()).length, 1);
});
