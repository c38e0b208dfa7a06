import assert from 'node:assert/strict';
import { test } from 'node:test';
import { observationOf, partitionOf } from '../../testing/observations.ts';
import { createObservationHistory } from './observation-history.ts';

const at = (seconds: number, logOffset: bigint, checkpointAgeSeconds = 0) =>
  observationOf({
    measuredAtMs: seconds * 1000,
    partitions: [partitionOf({ partition: 0, logOffset, checkpointAgeSeconds })],
  });

test('the rate is what the log gained between two checkpoints, whenever they were measured', () => {
  const history = createObservationHistory(10);
  history.add(at(10, 100n, 1));
  // Stored at 9 s and at 13.5 s.
  history.add(at(14, 550n, 0.5));
  history.add(at(16, 550n, 2.5));
  assert.deepEqual(history.partition(0).recordsPerSecond, [0, 100, 0]);
});

test('a log that was cut has no negative rate', () => {
  const history = createObservationHistory(10);
  for (const [seconds, offset] of [
    [1, 500n],
    [2, 0n],
    [3, 10n],
  ] as const) {
    history.add(at(seconds, offset));
  }
  assert.deepEqual(history.partition(0).recordsPerSecond, [0, 0, 10]);
});

test('the past is bounded, and a partition that is gone is forgotten', () => {
  const history = createObservationHistory(3);
  for (let second = 1; second <= 10; second++) {
    history.add({ ...at(second, 0n), pendingEvents: second });
  }
  assert.deepEqual(history.total().pendingEvents, [8, 9, 10]);
  assert.equal(history.partition(0).pendingEvents.length, 3);
  history.add(observationOf({ partitions: [] }));
  assert.deepEqual(history.partition(0).pendingEvents, []);
});
