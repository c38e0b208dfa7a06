import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBackoff } from './backoff.ts';

test('delays double up to the maximum, and start over after a reset', () => {
  const backoff = createBackoff({ baseMs: 10, maxMs: 100, random: () => 1 });
  const delays = Array.from({ length: 6 }, () => backoff.nextDelayMs());
  assert.deepEqual(delays, [10, 20, 40, 80, 100, 100]);
  backoff.reset();
  assert.equal(backoff.nextDelayMs(), 10);
});

test('the jitter keeps a delay between half and all of its bound', () => {
  for (const random of [0, 0.5, 0.999]) {
    const delayMs = createBackoff({ baseMs: 100, maxMs: 100, random: () => random }).nextDelayMs();
    assert.ok(delayMs >= 50 && delayMs <= 100, `${delayMs}`);
  }
});

test('thousands of failures do not overflow', () => {
  const backoff = createBackoff({ baseMs: 10, maxMs: 1000, random: () => 0.5 });
  for (let failures = 0; failures < 5000; failures++) backoff.nextDelayMs();
  assert.equal(backoff.nextDelayMs(), 750);
});
