import assert from 'node:assert/strict';
import { test } from 'node:test';
import { growthPerSecond } from './memory-trend.ts';

const samplesOf = (bytesAt: (second: number) => number) =>
  Array.from({ length: 30 }, (_, second) => ({ atMs: 5_000 + second * 1000, bytes: bytesAt(second) }));

test('growth is that of the line through the samples, whatever they waver', () => {
  assert.equal(growthPerSecond(samplesOf(() => 100)), 0);
  assert.ok(Math.abs(growthPerSecond(samplesOf((second) => 1_000 + 7 * second)) - 7) < 1e-9);
  const wavering = growthPerSecond(samplesOf((second) => 50 * second + (second % 2 === 0 ? 400 : -400)));
  assert.ok(Math.abs(wavering - 50) < 10, String(wavering));
});
