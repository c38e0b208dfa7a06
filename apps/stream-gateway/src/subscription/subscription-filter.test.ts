import assert from 'node:assert/strict';
import test from 'node:test';
import { OrderStatus } from '@order-events/order-stream';
import { createEventFilter } from '../log/event-filter.ts';
import { filterMetadata } from './subscription-filter.ts';

test('subscriptions that were begun by an earlier version have the filter that they had', () => {
  const everything = { statuses: [], orderIds: [], customerIds: [], eventTypes: [] };
  assert.equal(filterMetadata(createEventFilter(everything)), 'f1:IQ4TCHiquvRvH-cnSaJj-Q');
  const some = { ...everything, statuses: [OrderStatus.SHIPPED, OrderStatus.CONFIRMED] };
  const filter = createEventFilter({ ...some, orderIds: ['b', 'a', 'b'], customerIds: ['é'] });
  assert.equal(filterMetadata(filter), 'f1:l3AmrCmbtATo--dl1iwI1A');
  const told = { ...some, orderIds: ['b', 'a', 'b'], customerIds: ['é'], matchPreviousStatus: false };
  assert.equal(filterMetadata(createEventFilter(told)), 'f1:l3AmrCmbtATo--dl1iwI1A');
  const leaving = createEventFilter({ ...told, matchPreviousStatus: true });
  assert.notEqual(filterMetadata(leaving), filterMetadata(filter));
});
