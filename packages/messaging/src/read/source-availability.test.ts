import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSourceAvailability } from './source-availability.ts';

function watch(partitions: readonly number[]) {
  const changes: string[] = [];
  const availability = createSourceAvailability(partitions, {
    onAvailable: () => changes.push('available'),
    onPartitionLost: (partition) => changes.push(`lost ${partition}`),
    onPartitionFound: (partition) => changes.push(`found ${partition}`),
    onUnavailable: (error) => changes.push(`unavailable: ${error.message}`),
  });
  return { availability, changes };
}

test('the source is available when all of its partitions were tried and any can be read', () => {
  const { availability, changes } = watch([0, 1]);
  assert.equal(availability.read(0), false);
  assert.deepEqual(changes, []);
  availability.lost(1, new Error('no leader'));
  assert.equal(availability.read(1), true);
  assert.equal(availability.read(1), false);
  assert.deepEqual(changes, ['lost 1', 'available', 'found 1']);
});

test('a partition that is lost alone is told alone', () => {
  const { availability, changes } = watch([0, 1]);
  for (const partition of [0, 1]) availability.read(partition);
  for (const partition of [1, 1]) availability.lost(partition, new Error('no leader'));
  assert.deepEqual(changes, ['available', 'lost 1']);
});

test('each change is told once, however many partitions take part', () => {
  const { availability, changes } = watch([0, 1]);
  for (const partition of [0, 1]) availability.read(partition);
  for (const partition of [0, 1, 0]) availability.lost(partition, new Error('gone'));
  const down = ['available', 'lost 0', 'lost 1', 'unavailable: gone'];
  availability.read(0);
  assert.deepEqual(changes, [...down, 'found 0']);
  availability.read(1);
  assert.deepEqual(changes, [...down, 'found 0', 'found 1', 'available']);
});

test('a source that is not there at the start is told as unavailable', () => {
  const { availability, changes } = watch([0]);
  availability.lost(0, new Error('refused'));
  availability.lost(0, new Error('refused'));
  assert.deepEqual(changes, ['lost 0', 'unavailable: refused']);
});
