import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  changeOrderStatus,
  type OrderEvent,
  type OrderStatus,
  placeOrder,
  updateOrder,
} from '@order-events/domain';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { decodeOrderEvent, encodeOrderEvent, InvalidOrderMessageError } from './order-message.ts';

const ajv = new Ajv2020({ strict: true });
formats.default(ajv);
const schema: unknown = JSON.parse(readFileSync(new URL('order-event.schema.json', import.meta.url), 'utf8'));
const validate = ajv.compile(schema as object);

const now = new Date('2026-02-17T10:00:00.123Z');
const context = { now, eventId: '018f9c2e-6f0a-7b1c-9d2e-3f4a5b6c7d8e' };
const placed = placeOrder(
  {
    customerId: 'customer-7',
    currency: 'EUR',
    items: [
      { sku: 'mug', quantity: 2, unitPriceMinor: 1250 },
      { sku: 'Größe "L" 🚚', quantity: 1, unitPriceMinor: 0 },
    ],
  },
  '018f9c2e-0000-7b1c-9d2e-3f4a5b6c7d8e',
  context,
);
const confirmed = changeOrderStatus(placed.order, 'confirmed', context);

function firstEvent(write: { readonly events: readonly OrderEvent[] }): OrderEvent {
  const [event] = write.events;
  assert.ok(event);
  return event;
}

function everyEvent(): OrderEvent[] {
  const steps: readonly OrderStatus[] = ['processing', 'shipped', 'delivered'];
  let { order } = confirmed;
  const events = [
    placed,
    confirmed,
    updateOrder(placed.order, { items: [{ sku: 'cup', quantity: 9, unitPriceMinor: 1 }] }, context),
    changeOrderStatus(placed.order, 'cancelled', context),
  ].map(firstEvent);
  for (const status of steps) {
    const write = changeOrderStatus(order, status, context);
    events.push(firstEvent(write));
    order = write.order;
  }
  return events;
}

test('every event of the domain matches the JSON Schema and comes back as it was', () => {
  for (const event of everyEvent()) {
    const value = encodeOrderEvent(event);
    assert.ok(validate(JSON.parse(value)), ajv.errorsText(validate.errors));
    assert.deepEqual(decodeOrderEvent(value), event);
    assert.deepEqual(decodeOrderEvent(Buffer.from(value)), event);
  }
});

test('the message is the documented JSON', () => {
  assert.deepEqual(JSON.parse(encodeOrderEvent(firstEvent(confirmed))), {
    event_id: context.eventId,
    event_type: 'order.status_changed',
    schema_version: 1,
    order_id: placed.order.orderId,
    order_version: 2,
    customer_id: 'customer-7',
    status: 'confirmed',
    previous_status: 'pending',
    occurred_at: '2026-02-17T10:00:00.123Z',
    order: {
      order_id: placed.order.orderId,
      customer_id: 'customer-7',
      status: 'confirmed',
      version: 2,
      currency: 'EUR',
      items: [
        { sku: 'mug', quantity: 2, unit_price_minor: 1250 },
        { sku: 'Größe "L" 🚚', quantity: 1, unit_price_minor: 0 },
      ],
      total_minor: 2500,
      created_at: '2026-02-17T10:00:00.123Z',
      updated_at: '2026-02-17T10:00:00.123Z',
    },
  });
});

test('fields of a later version are ignored', () => {
  const value = withChange((message) => {
    message.warehouse = { code: 'B7' };
    message.order.priority = 3;
    message.order.items[0].gift = true;
  });
  assert.deepEqual(decodeOrderEvent(value), firstEvent(confirmed));
  assert.ok(validate(JSON.parse(value)), ajv.errorsText(validate.errors));
});

/** JSON that a test breaks on purpose. */
type LooseJson = ReturnType<typeof JSON.parse>;

function withChange(change: (message: LooseJson) => void): string {
  const message: LooseJson = JSON.parse(encodeOrderEvent(firstEvent(confirmed)));
  change(message);
  return JSON.stringify(message);
}

const BROKEN: readonly (readonly [what: string, change: (message: LooseJson) => void, says: RegExp])[] = [
  ['no event id', (m) => delete m.event_id, /^event_id must be a non-empty string, found nothing$/],
  [
    'an unknown event type',
    (m) => (m.event_type = 'order.lost'),
    /^event_type must be one of order\.created/,
  ],
  ['another schema version', (m) => (m.schema_version = 2), /^schema_version must be 1, found 2$/],
  ['an unknown status', (m) => (m.status = m.order.status = 'lost'), /^order\.status must be one of pending/],
  ['no previous status', (m) => delete m.previous_status, /^previous_status must be one of pending/],
  [
    'a previous status at creation',
    (m) => (m.event_type = 'order.created'),
    /^previous_status must be null when the order was created, found "pending"$/,
  ],
  ['a date for a time', (m) => (m.occurred_at = '2026-02-17'), /^occurred_at must be an RFC 3339 time/],
  ['an impossible time', (m) => (m.occurred_at = '2026-13-17T10:00:00Z'), /^occurred_at must be/],
  ['no order', (m) => (m.order = null), /^order must be an object, found null$/],
  ['no items', (m) => (m.order.items = []), /^order\.items must be an array of at least one item/],
  [
    'a fractional amount',
    (m) => (m.order.items[1].unit_price_minor = 1.5),
    /^order\.items\[1\]\.unit_price_minor must be a whole number from 0/,
  ],
  ['a quantity of zero', (m) => (m.order.items[0].quantity = 0), /quantity must be a whole number from 1/],
  ['an amount beyond 2^53', (m) => (m.order.total_minor = 2 ** 53), /^order\.total_minor must be/],
];

for (const [what, change, says] of BROKEN) {
  test(`a message with ${what} is refused by decoder and schema`, () => {
    const value = withChange(change);
    assert.throws(() => decodeOrderEvent(value), { name: 'InvalidOrderMessageError', message: says });
    assert.equal(validate(JSON.parse(value)), false);
  });
}

test('a message whose outer fields contradict its order is refused', () => {
  const value = withChange((message) => (message.order_version = 7));
  assert.throws(
    () => decodeOrderEvent(value),
    /^InvalidOrderMessageError: order_version must be the same as/,
  );
});

test('a value that is not JSON is refused, with the cause', () => {
  assert.throws(
    () => decodeOrderEvent('{"event_id":'),
    (error: unknown) => error instanceof InvalidOrderMessageError && error.cause instanceof SyntaxError,
  );
  assert.throws(() => decodeOrderEvent('[]'), /the message must be an object/);
});

test('an event whose time is none, or has no form in the schema, is not encoded', () => {
  const event = firstEvent(placed);
  for (const time of [null, undefined, new Date(Number.NaN), new Date('+012026-01-01T00:00:00Z')]) {
    const broken = { ...event, order: { ...event.order, createdAt: time as Date } };
    assert.throws(() => encodeOrderEvent(broken), InvalidOrderMessageError);
  }
});
