import assert from 'node:assert/strict';
import test from 'node:test';
import {
  changeOrderStatus,
  InvalidOrderError,
  InvalidStatusTransitionError,
  type Order,
  ORDER_STATUSES,
  type OrderItem,
  placeOrder,
  updateOrder,
} from './index.ts';

const ITEMS: readonly OrderItem[] = [
  { sku: 'lamp', quantity: 2, unitPriceMinor: 1_999 },
  { sku: 'bulb', quantity: 10, unitPriceMinor: 0 },
];
const PLACED = { now: new Date('2026-05-01T10:00:00Z'), eventId: 'event-1' };
const CHANGED = { now: new Date('2026-05-01T10:05:00Z'), eventId: 'event-2' };

const place = (items: readonly OrderItem[] = ITEMS) =>
  placeOrder({ customerId: 'customer-1', currency: 'EUR', items }, 'order-1', PLACED);
const orderThatIs = (status: Order['status']): Order => ({ ...place().order, status });
const line = (change: Partial<OrderItem>): OrderItem => ({
  sku: 'lamp',
  quantity: 1,
  unitPriceMinor: 1,
  ...change,
});

test('a placed order is pending, in its first version, and costs the sum of its lines', () => {
  const { order, events } = place();
  assert.deepEqual(order, {
    orderId: 'order-1',
    customerId: 'customer-1',
    status: 'pending',
    version: 1,
    currency: 'EUR',
    items: ITEMS,
    totalMinor: 3_998,
    createdAt: PLACED.now,
    updatedAt: PLACED.now,
  });
  assert.deepEqual(events, [
    {
      eventId: 'event-1',
      eventType: 'order.created',
      previousStatus: undefined,
      occurredAt: PLACED.now,
      order,
    },
  ]);
});

test('a change of lines makes the next version and its total, and leaves the order as it was', () => {
  const before = place().order;
  const { order, events } = updateOrder(before, { items: [line({ quantity: 3 })] }, CHANGED);
  assert.deepEqual([order.version, order.totalMinor, order.status], [2, 3, 'pending']);
  assert.deepEqual([order.createdAt, order.updatedAt], [PLACED.now, CHANGED.now]);
  assert.deepEqual(
    events.map((event) => [event.eventId, event.eventType, event.previousStatus, event.order]),
    [['event-2', 'order.updated', 'pending', order]],
  );
  assert.deepEqual(before, place().order);
});

test('a change that names no lines keeps them', () => {
  const { order } = updateOrder(place().order, {}, CHANGED);
  assert.deepEqual([order.items, order.totalMinor, order.version], [ITEMS, 3_998, 2]);
});

test('each step makes one event with the status before and the order after', () => {
  const { order, events } = changeOrderStatus(orderThatIs('processing'), 'shipped', CHANGED);
  assert.deepEqual([order.status, order.version, order.updatedAt], ['shipped', 2, CHANGED.now]);
  assert.deepEqual(
    events.map((event) => [event.eventType, event.previousStatus, event.occurredAt, event.order]),
    [['order.status_changed', 'processing', CHANGED.now, order]],
  );
});

test('every step that there is not is refused, with those that there are', () => {
  const wanted = {
    pending: 'an order cannot go from pending to shipped; from pending it can go to confirmed or cancelled',
    delivered: 'an order cannot go from delivered to shipped; delivered is final',
  };
  for (const [status, message] of Object.entries(wanted)) {
    assert.throws(() => changeOrderStatus(orderThatIs(status as Order['status']), 'shipped', CHANGED), {
      name: 'InvalidStatusTransitionError',
      code: 'invalid_status_transition',
      message,
    });
  }
  for (const status of ORDER_STATUSES) {
    assert.throws(
      () => changeOrderStatus(orderThatIs(status), status, CHANGED),
      InvalidStatusTransitionError,
    );
  }
});

test('lines of an order that is being packed, or has gone, cannot be changed', () => {
  for (const status of ['processing', 'shipped', 'delivered', 'cancelled'] as const) {
    assert.throws(() => updateOrder(orderThatIs(status), { items: ITEMS }, CHANGED), {
      code: 'invalid_order',
      message: `an order that is ${status} cannot be changed; only pending and confirmed orders can`,
    });
  }
});

for (const [what, items, message] of [
  ['no lines', [], /at least one item/],
  ['a line of nothing', [line({ quantity: 0 })], /quantity of lamp/],
  ['half a piece', [line({ quantity: 0.5 })], /quantity of lamp/],
  ['a quantity that is no number', [line({ quantity: Number.NaN })], /quantity of lamp/],
  ['a negative price', [line({ unitPriceMinor: -1 })], /price of lamp/],
  ['a part of a cent', [line({ unitPriceMinor: 0.1 })], /price of lamp/],
  [
    'one line that is wrong among others',
    [line({}), line({ sku: 'bulb', quantity: -2 })],
    /quantity of bulb/,
  ],
] as const) {
  test(`an order with ${what} is refused, whether it is placed or changed`, () => {
    for (const attempt of [() => place(items), () => updateOrder(place().order, { items }, CHANGED)]) {
      assert.throws(attempt, (error) => error instanceof InvalidOrderError && message.test(error.message));
    }
  });
}

test('a total is exact, or the order is refused', () => {
  const most = Number.MAX_SAFE_INTEGER;
  assert.equal(place([line({ unitPriceMinor: most })]).order.totalMinor, most);
  for (const items of [
    [line({ unitPriceMinor: most }), line({})],
    [line({ quantity: 2 ** 27, unitPriceMinor: 2 ** 26 })],
    [line({ quantity: most, unitPriceMinor: most })],
  ]) {
    assert.throws(() => place(items), {
      code: 'invalid_order',
      message: 'the total of the order is too large',
    });
  }
});
