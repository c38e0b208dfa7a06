import assert from 'node:assert/strict';
import test from 'node:test';
import { InvalidOrderError } from './domain-error.ts';
import { changeOrderStatus } from './order-commands.ts';
import { type ImportedOrder, importOrder, isImportOf } from './order-import.ts';

const CONTEXT = { now: new Date('2026-01-01T00:00:00Z'), eventId: 'an event' };
const IMPORTED: ImportedOrder = {
  orderId: 'an order',
  customerId: 'c-1',
  status: 'confirmed',
  version: 3,
  currency: 'EUR',
  items: [{ sku: 'tea', quantity: 2, unitPriceMinor: 450 }],
  createdAt: new Date('2025-11-03T08:15:00Z'),
  updatedAt: new Date('2025-11-05T16:40:12Z'),
};
const PRESENT = importOrder(IMPORTED, CONTEXT).order;

test('an imported order is what it was, and its event is of the time when it was changed last', () => {
  const { order, events } = importOrder(IMPORTED, CONTEXT);
  assert.deepEqual(order, { ...IMPORTED, totalMinor: 900 });
  assert.deepEqual(events, [
    {
      eventId: 'an event',
      eventType: 'order.created',
      previousStatus: undefined,
      occurredAt: IMPORTED.updatedAt,
      order,
    },
  ]);
});

test('an order without lines, or with times that cannot be, is refused', () => {
  for (const change of [
    { items: [] },
    { updatedAt: new Date('2025-11-03T08:14:59Z') },
    { updatedAt: new Date('2026-01-01T00:00:01Z') },
  ]) {
    assert.throws(() => importOrder({ ...IMPORTED, ...change }, CONTEXT), InvalidOrderError);
  }
});

test('what came of an import is known by it, and nothing else is', () => {
  assert.ok(isImportOf(PRESENT, IMPORTED));
  assert.ok(isImportOf(changeOrderStatus(PRESENT, 'processing', CONTEXT).order, IMPORTED));
  for (const change of [
    { customerId: 'c-2' },
    { currency: 'USD' },
    { createdAt: new Date('2025-11-03T08:15:00.001Z') },
    { version: 2 },
    { status: 'pending' },
    { updatedAt: new Date('2025-11-05T16:40:13Z') },
    { items: [] },
    { items: [{ sku: 'tea', quantity: 3, unitPriceMinor: 450 }] },
    { items: [{ sku: 'cup', quantity: 2, unitPriceMinor: 450 }] },
    { items: [{ sku: 'tea', quantity: 2, unitPriceMinor: 451 }] },
  ] as const) {
    assert.ok(!isImportOf({ ...PRESENT, ...change }, IMPORTED), JSON.stringify(change));
  }
});
