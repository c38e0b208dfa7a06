import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PublishableEvent } from '@order-events/domain';
import { eventBatches } from './event-batches.ts';

function createEvents(count: number, valueBytes: number): PublishableEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    eventId: String(index),
    key: 'k',
    partition: 0,
    value: 'x'.repeat(valueBytes),
    headers: {},
  }));
}

const sizes = (events: readonly PublishableEvent[]) => [...eventBatches(events)].map(({ length }) => length);

test('batches are bounded in records', () => {
  assert.deepEqual(sizes(createEvents(450, 10)), [200, 200, 50]);
  assert.deepEqual(sizes(createEvents(200, 10)), [200]);
  assert.deepEqual(sizes([]), []);
});

test('batches are bounded in bytes, counted as UTF-8', () => {
  assert.deepEqual(sizes(createEvents(7, 299_000)), [3, 3, 1]);
  const umlauts = createEvents(4, 0).map((event) => ({ ...event, value: 'ü'.repeat(200_000) }));
  assert.deepEqual(sizes(umlauts), [2, 2]);
});

test('an event beyond the bound is a batch of its own', () => {
  assert.deepEqual(sizes([...createEvents(1, 10), ...createEvents(2, 2_000_000)]), [1, 1, 1]);
});

test('the order is kept', () => {
  const events = createEvents(450, 10);
  assert.deepEqual([...eventBatches(events)].flat(), events);
});
