import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSourceAvailability } from './source-availability.ts';

function watch(partitions: readonly number[]) {
  const changes: string[] = [];
  const availability = createSourceAvailability(partitions, {
    onAvailable: () => changes.push('available'),
    onUnavailable: (error) => changes.push(`unavailable: ${error.message}`),
  });
  return { availability, changes };
}

test('the source is available when all of its partitions were read', () => {
  const { availability, changes } = watch([0, 1]);
  assert.equal(availability.read(0), false);
  assert.deepEqual(changes, []);
  assert.equal(availability.read(1), true);
  assert.equal(availability.read(1), false);
  assert.deepEqual(changes, ['available']);
});

test('each change is told once, however many partitions take part', () => {
  const { availability, changes } = watch([0, 1]);
  for (const partition of [0, 1]) availability.read(partition);
  for (const partition of [0, 1, 0]) availability.lost(partition, new Error('gone'));
  availability.read(0);
  assert.deepEqual(changes, ['available', 'unavailable: gone']);
  availability.read(1);
  assert.deepEqual(changes, ['available', 'unavailable: gone', 'available']);
});

test('a source that is not there at the start is told as unavailable', () => {
  const { availability, changes } = watch([0]);
  availability.lost(0, new Error('refused'));
  availability.lost(0, new Error('refused'));
  assert.deepEqual(changes, ['unavailable: refused']);
});
