import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orderEventHeaders } from './order-event-headers.ts';

const event = { eventId: '018f9c2e-6f0a-7b1c-9d2e-3f4a5b6c7d8e', eventType: 'order.updated' } as const;

test('the headers are CloudEvents 1.0 in binary mode', () => {
  assert.deepEqual(orderEventHeaders(event), {
    ce_specversion: '1.0',
    ce_id: event.eventId,
    ce_type: 'order.updated',
    ce_source: '/orders',
    'content-type': 'application/json',
  });
});

test('the trace context of the request travels along', () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const headers = orderEventHeaders(event, traceparent, 'vendor=1');
  assert.deepEqual([headers.traceparent, headers.tracestate], [traceparent, 'vendor=1']);
  assert.ok(!('tracestate' in orderEventHeaders(event, traceparent)));
});
