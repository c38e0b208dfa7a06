import assert from 'node:assert/strict';
import test from 'node:test';
import { OrderEventType, OrderStatus } from '@order-events/order-stream';
import { createEventFilter, type EventSelection } from './event-filter.ts';

const EVENT = {
  status: OrderStatus.SHIPPED,
  previousStatus: OrderStatus.PROCESSING,
  orderId: 'order-1',
  customerId: 'customer-1',
  eventType: OrderEventType.STATUS_CHANGED,
};
const NOTHING_SET: EventSelection = { statuses: [], orderIds: [], customerIds: [], eventTypes: [] };

const passes = (selection: Partial<EventSelection>) =>
  createEventFilter({ ...NOTHING_SET, ...selection })(EVENT);

test('a filter with nothing set lets every event through', () => {
  assert.equal(passes({}), true);
});

test('one value of an axis is enough', () => {
  assert.equal(passes({ statuses: [OrderStatus.PENDING, OrderStatus.SHIPPED] }), true);
  assert.equal(passes({ orderIds: ['order-2', 'order-1'] }), true);
  assert.equal(passes({ customerIds: ['customer-2', 'customer-1'] }), true);
  assert.equal(passes({ eventTypes: [OrderEventType.CREATED, OrderEventType.STATUS_CHANGED] }), true);
});

test('an event with another value of any axis is left out', () => {
  assert.equal(passes({ statuses: [OrderStatus.PENDING] }), false);
  assert.equal(passes({ orderIds: ['order-2'] }), false);
  assert.equal(passes({ customerIds: ['customer-2'] }), false);
  assert.equal(passes({ eventTypes: [OrderEventType.CREATED] }), false);
});

test('every axis that is set must match', () => {
  assert.equal(passes({ statuses: [OrderStatus.SHIPPED], customerIds: ['customer-1'] }), true);
  assert.equal(passes({ statuses: [OrderStatus.SHIPPED], customerIds: ['customer-2'] }), false);
});

test('the status before the change will do when that is asked for, and no other axis is let off', () => {
  const left = { statuses: [OrderStatus.PENDING, OrderStatus.PROCESSING] };
  assert.equal(passes(left), false);
  assert.equal(passes({ ...left, matchPreviousStatus: true }), true);
  assert.equal(passes({ statuses: [OrderStatus.SHIPPED], matchPreviousStatus: true }), true);
  assert.equal(passes({ statuses: [OrderStatus.PENDING], matchPreviousStatus: true }), false);
  assert.equal(passes({ ...left, matchPreviousStatus: true, orderIds: ['order-2'] }), false);
  assert.equal(passes({ matchPreviousStatus: true }), true);
});

test('filters with the same values have the same key, in whatever order they were given', () => {
  const key = (selection: Partial<EventSelection>) => createEventFilter({ ...NOTHING_SET, ...selection }).key;
  assert.equal(key({ orderIds: ['a', 'b'] }), key({ orderIds: ['b', 'a', 'b'] }));
  const different = [
    {},
    { orderIds: ['a'] },
    { customerIds: ['a'] },
    { orderIds: ['a', 'b'] },
    { orderIds: ['a,b'] },
  ];
  assert.equal(new Set(different.map(key)).size, different.length);
  const statuses = [OrderStatus.PENDING];
  assert.notEqual(key({ statuses, matchPreviousStatus: true }), key({ statuses }));
  assert.equal(key({ matchPreviousStatus: true }), key({}));
});
