import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orderEventHeaders } from '@order-events/messaging';
import type { SpanEnd, SpanStart, Tracing } from '../../../../packages/runtime/src/tracing/tracing.ts';
import { createSendSpans } from './send-spans.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const created = (digit: string, flags: string) =>
  `00-${TRACE.replace('0', digit)}-${digit.repeat(16)}-${flags}`;

/** Keeps what it is asked for; the context of the nth span ends in n. */
function recordingTracing() {
  const spans: (SpanStart & { end?: SpanEnd | undefined })[] = [];
  const tracing: Tracing = {
    startSpan(start) {
      const span: (typeof spans)[number] = { ...start };
      spans.push(span);
      const traceparent = `00-${'d'.repeat(32)}-000000000000000${spans.length}-01`;
      return { traceparent, isSampled: true, end: (how) => void (span.end = how) };
    },
  };
  return { spans, handedOver: createSendSpans({ tracing, topic: 'orders.events', clientId: 'relay-1' }) };
}

const record = (eventId: string, traceparent: string) => ({
  key: `order of ${eventId}`,
  value: '{}',
  headers: orderEventHeaders({ eventId, eventType: 'order.created' }, traceparent),
});

test('a batch that nobody records has no span', () => {
  const { spans, handedOver } = recordingTracing();
  assert.equal(handedOver(3, [record('a', created('1', '00'))]), undefined);
  assert.equal(handedOver(3, [{ key: 'k', value: '', headers: {} }]), undefined);
  assert.deepEqual(spans, []);
});

test('a batch links to the creation contexts of its recorded events, with their offsets, and is a trace of its own', () => {
  const { spans, handedOver } = recordingTracing();
  const records = [
    record('a', created('1', '01')),
    record('b', created('2', '00')),
    record('c', created('3', '01')),
  ];
  handedOver(3, records)?.ended({ kind: 'appended', baseOffset: 40n });
  const [span] = spans;
  assert.ok(span && spans.length === 1);
  assert.deepEqual([span.name, span.kind, span.parent], ['send orders.events', 'client', undefined]);
  assert.equal(span.attributes?.['messaging.batch.message_count'], 3);
  assert.deepEqual(
    span.links?.map(({ traceparent, attributes }) => [traceparent, attributes?.['messaging.kafka.offset']]),
    [
      [created('1', '01'), 40],
      [created('3', '01'), 42],
    ],
  );
});

test('a repetition links to the attempt before it, and to the same creation contexts', () => {
  const { spans, handedOver } = recordingTracing();
  const batch = handedOver(3, [record('a', created('1', '01'))]);
  batch?.retried(new RangeError('away'));
  batch?.retried(new RangeError('still away'));
  batch?.ended({ kind: 'unknown', reason: 'no answer' });
  assert.deepEqual(
    spans.map(({ links, end }) => [links?.map(({ traceparent }) => traceparent.slice(-20)), end?.error]),
    [
      [[created('1', '01').slice(-20)], 'RangeError'],
      [['-0000000000000001-01', created('1', '01').slice(-20)], 'RangeError'],
      [['-0000000000000002-01', created('1', '01').slice(-20)], 'unknown'],
    ],
  );
  assert.ok(spans.every(({ parent }) => parent?.traceparent === created('1', '01')));
});
