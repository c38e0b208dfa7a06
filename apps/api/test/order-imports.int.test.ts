import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import eventSchema from '@order-events/messaging/order-event.schema.json' with { type: 'json' };
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { eventually } from '../../../test/harness/index.ts';
import { IMPORT_ORDERS, IMPORT_OUTCOME } from '../src/http/openapi-examples.ts';
import { importOf, ORDER, startApi } from '../testing/order-client.ts';

const CREATED = '2025-11-03T08:15:00.000Z';
const UPDATED = '2025-11-05T16:40:12.500Z';
const [FIRST, SECOND, THIRD] = [1, 2, 3].map((number) => `00000000-0000-4000-8000-00000000000${number}`);

test('orders come in with their own ids, versions and times, each with its event, and go on from there', async (t) => {
  const { send, move, events } = await startApi(t);
  const first = importOf(FIRST!);
  const answer = await send('POST', '/order-imports', first);
  assert.deepEqual([answer.status, answer.body], [200, { imported: [FIRST], present: [], different: [] }]);
  const read = await send('GET', `/orders/${FIRST}`);
  const times = { created_at: CREATED, updated_at: UPDATED };
  assert.deepEqual(read.body, {
    ...{ order_id: FIRST, ...ORDER, status: 'shipped', version: 4, total_minor: 900 },
    ...times,
  });
  await move(FIRST!, 'delivered');
  const rows = await events();
  assert.deepEqual(
    rows.map(({ event }) => [event.eventType, event.previousStatus, event.order.status, event.order.version]),
    [
      ['order.created', undefined, 'shipped', 4],
      ['order.status_changed', 'shipped', 'delivered', 5],
    ],
  );
  assert.equal(rows[0]!.event.occurredAt.toISOString(), UPDATED);
  const ajv = new Ajv2020();
  formats.default(ajv);
  const validate = ajv.compile(eventSchema);
  for (const row of rows) assert.ok(validate(JSON.parse(row.payload)), ajv.errorsText(validate.errors));
});

test('a batch that is sent again changes nothing, also after its orders have been changed; another order with such an id is left alone', async (t) => {
  const { send, move, place, events } = await startApi(t);
  const placed = await place();
  const batch = { orders: [...importOf(SECOND!).orders, ...importOf(FIRST!).orders] };
  await send('POST', '/order-imports', batch);
  const again = await send('POST', '/order-imports', batch);
  assert.deepEqual(again.body, { imported: [], present: [FIRST, SECOND], different: [] });
  await move(FIRST!, 'delivered');
  const [second] = importOf(SECOND!).orders;
  const mixed = {
    orders: [
      ...importOf(FIRST!).orders,
      { ...second, items: [{ ...ORDER.items[0], quantity: 7 }] },
      ...importOf(THIRD!).orders,
      { ...second, order_id: placed },
    ],
  };
  assert.deepEqual((await send('POST', '/order-imports', mixed)).body, {
    imported: [THIRD],
    present: [FIRST],
    different: [SECOND, placed],
  });
  assert.equal((await events()).length, 5);
});

test('without events nobody is told before the next change', async (t) => {
  const { send, move, events } = await startApi(t);
  await send('POST', '/order-imports', { ...importOf(FIRST!), events: false });
  assert.deepEqual(await events(), []);
  await move(FIRST!, 'delivered');
  assert.deepEqual(
    (await events()).map(({ event }) => event.order.version),
    [5],
  );
});

test('a batch with an order that cannot be is refused as a whole, and says which it is', async (t) => {
  const { send, events } = await startApi(t);
  const [order] = importOf(SECOND!).orders;
  const withSecond = (change: object) => ({ orders: [...importOf(FIRST!).orders, { ...order, ...change }] });
  for (const [change, status, said] of [
    [{ updated_at: '2025-11-03T08:14:59Z' }, 422, /0002 was changed before it was created/],
    [{ updated_at: '2925-11-03T08:15:00Z' }, 422, /0002 was changed at a time that is still to come/],
    [{ order_id: FIRST }, 400, /orders\/1\/order_id.*is in the batch before/],
    [{ status: 'lost' }, 400, /orders\/1\/status/],
    [{ version: 0 }, 400, /orders\/1\/version/],
    [{ created_at: '2025-11-03 08:15' }, 400, /orders\/1\/created_at/],
    [{ total_minor: 1 }, 400, /orders\/1\/total_minor.*is not known here/],
  ] as const) {
    const answer = await send('POST', '/order-imports', withSecond(change));
    assert.equal(answer.status, status);
    assert.match(JSON.stringify(answer.body), said);
  }
  assert.equal((await send('POST', '/order-imports', { orders: [] })).status, 400);
  assert.equal((await send('GET', '/orders')).body['orders'] instanceof Array, true);
  assert.deepEqual((await send('GET', '/orders')).body['orders'], []);
  assert.deepEqual(await events(), []);
});

test('of batches at the same time each order comes in once', async (t) => {
  const { send, events } = await startApi(t);
  const ids = Array.from({ length: 20 }, () => randomUUID());
  const orders = ids.flatMap((orderId) => importOf(orderId).orders);
  const batches = Array.from({ length: 6 }, (_, index) => [
    ...orders.slice(index),
    ...orders.slice(0, index),
  ]);
  const imported = await Promise.all(
    batches.map((batch) =>
      eventually(async () => {
        const answer = await send('POST', '/order-imports', { orders: batch });
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        return answer.body['imported'] as string[];
      }),
    ),
  );
  assert.deepEqual(imported.flat().toSorted(), ids.toSorted());
  assert.deepEqual((await events()).map(({ key }) => key).toSorted(), ids.toSorted());
});

test('the example of the document is taken, and answered as it says', async (t) => {
  const { send } = await startApi(t);
  assert.deepEqual((await send('POST', '/order-imports', IMPORT_ORDERS)).body, IMPORT_OUTCOME);
});
