import assert from 'node:assert/strict';
import test from 'node:test';
import { createDelayRecord } from './delay-record.js';

const SECOND = 1_700_000_000;

/** An event that was made and taken so many milliseconds before it came. */
function note(record: ReturnType<typeof createDelayRecord>, nowMs: number, change: number, log: number) {
  record.note({ occurTime: new Date(nowMs - change), logTime: new Date(nowMs - log) }, nowMs);
}

test('each second has the medians of its delays and the slowest, and those that are too old are gone', () => {
  const record = createDelayRecord({ seconds: 10 });
  const nowMs = SECOND * 1000;
  for (const [change, log] of [
    [30, 10],
    [20, 5],
    [900, 15],
  ] as const)
    note(record, nowMs + 500, change, log);
  note(record, nowMs + 3_000, -40, -45);
  record.note({}, nowMs + 3_000);
  assert.deepEqual(record.points(nowMs + 3_500), [
    { second: SECOND, events: 3, worst: 900, change: 30, log: 10 },
    { second: SECOND + 3, events: 2, worst: -40, change: -40, log: -45 },
  ]);
  assert.equal(record.rate(nowMs + 1_500), 3);
  assert.equal(record.rate(nowMs + 2_500), 0);
  assert.deepEqual(record.points(nowMs + 13_500), []);
});

test('a flood, and a clock that was set back, take no more memory', () => {
  const record = createDelayRecord({ seconds: 3 });
  for (let index = 0; index < 100_000; index += 1) note(record, SECOND * 1000 - index, 5, 1);
  const [point, ...others] = record.points(SECOND * 1000);
  assert.deepEqual([point?.events, point?.change, others], [100_000, 5, []]);
});
