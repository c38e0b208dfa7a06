import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishableEvent } from './publishable-event.ts';

const EVENT = {
  seq: 1n,
  key: 'order-1',
  partition: 0,
  eventId: '018f9c2e-6f0a-7b1c-9d2e-3f4a5b6c7d8e',
  eventType: 'order.updated',
  payload: '{}',
  createdAt: new Date(0),
} as const;

test('the trace of the request and its state are headers of the event, where its row has them', () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const traced = publishableEvent({ ...EVENT, headers: { traceparent, tracestate: 'rojo=1' } }).headers;
  assert.deepEqual([traced['traceparent'], traced['tracestate']], [traceparent, 'rojo=1']);
  const { headers } = publishableEvent({ ...EVENT, headers: {} });
  assert.deepEqual(
    Object.keys(headers).filter((name) => name.startsWith('trace')),
    [],
  );
});
