import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventMemory } from './event-memory.ts';

test('an event is new once among the events that are remembered', () => {
  const memory = createEventMemory(3);
  assert.deepEqual(['a', 'b', 'a', 'c', 'b'].map(memory.remember), [true, true, false, true, false]);
});

test('at least so many events are remembered, and at most twice as many', () => {
  const memory = createEventMemory(100);
  for (let id = 0; id < 1_000; id++) {
    memory.remember(String(id));
    assert.equal(memory.remember(String(Math.max(0, id - 99))), false);
  }
  assert.equal(memory.remember('700'), true);
});

test('a memory of nothing takes every event for new', () => {
  const memory = createEventMemory(0);
  assert.deepEqual(['a', 'a'].map(memory.remember), [true, true]);
});
