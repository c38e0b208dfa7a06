import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CANARY_EVENT_TYPE, type LogRecord } from '@order-events/messaging';
import { createEventBlock } from './event-block.ts';

function block(type: string) {
  const skipped: bigint[] = [];
  const record: LogRecord = {
    partition: 0,
    offset: 7n,
    timestampMs: 0,
    key: Buffer.from('key'),
    value: Buffer.from('{}'),
    headers: { ce_type: Buffer.from(type) },
  };
  const batch = { partition: 0, records: [record], nextOffset: 8n, highWatermark: 8n };
  const { events, next } = createEventBlock(batch as never, 7n, (_partition, offset) => skipped.push(offset));
  return { events: events.length, next, skipped };
}

test('a canary of the relay is passed over without a word', () => {
  assert.deepEqual(block(CANARY_EVENT_TYPE), { events: 0, next: 8n, skipped: [] });
});

test('any other record that is no order event is passed over and told of', () => {
  assert.deepEqual(block('order.updated'), { events: 0, next: 8n, skipped: [7n] });
});
