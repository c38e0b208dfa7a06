import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PendingEvent } from '@order-events/outbox';
import { pendingEvents } from '../../testing/pending-events.ts';
import { createPageQueue } from './page-queue.ts';

const cursor = (snapshot: string) => ({ snapshot });
const idsOf = (events: readonly PendingEvent[] = []) => events.map((event) => event.eventId);

test('pages come out whole and in order, several as one when they are small', () => {
  const queue = createPageQueue(cursor('s0'));
  queue.add({ events: pendingEvents('a', 'b'), next: cursor('s1') });
  queue.add({ events: pendingEvents('c'), next: cursor('s2') });
  queue.add({ events: pendingEvents('d', 'e'), next: cursor('s3') });
  assert.equal(queue.bytes(), 10);
  const first = queue.take(3);
  assert.deepEqual(idsOf(first?.events), ['a', 'b', 'c']);
  assert.deepEqual(first?.next, cursor('s2'));
  const second = queue.take(1);
  assert.deepEqual(idsOf(second?.events), ['d', 'e']);
  assert.deepEqual(second?.next, cursor('s3'));
  assert.equal(queue.take(1), undefined);
  assert.equal(queue.bytes(), 0);
});

test('a look that found nothing moves the cursor behind what waits, and never past it', () => {
  const queue = createPageQueue(cursor('s0'));
  queue.add({ events: pendingEvents('a'), next: cursor('s1') });
  queue.add({ events: [], next: cursor('s2') });
  assert.deepEqual(queue.readFrom(), cursor('s2'));
  const page = queue.take(100);
  assert.deepEqual(idsOf(page?.events), ['a']);
  assert.deepEqual(page?.next, cursor('s2'));
});

test('after a reset reading begins at the given cursor', () => {
  const queue = createPageQueue(cursor('s0'));
  queue.add({ events: pendingEvents('a'), next: cursor('s1') });
  queue.reset(cursor('s0'));
  assert.ok(queue.isEmpty());
  assert.deepEqual(queue.readFrom(), cursor('s0'));
  assert.equal(queue.bytes(), 0);
});
