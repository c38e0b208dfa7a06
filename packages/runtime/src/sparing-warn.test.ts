import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { createSparingWarn } from './sparing-warn.ts';

test('the first is told at once, the others are counted, and another reason is told for itself', (t) => {
  const lines: unknown[] = [];
  const warn = createSparingWarn({ warn: (...line: unknown[]) => void lines.push(line) }, 60_000);
  let nowMs = 0;
  const clock = mock.method(performance, 'now', () => nowMs);
  t.after(() => clock.mock.restore());
  for (nowMs = 0; nowMs < 120_000; nowMs += 50) {
    warn({ partition: 1 }, 'failed', 'one reason');
    if (nowMs % 1000 === 0) warn({ partition: 2 }, 'failed', 'another');
  }
  assert.deepEqual(lines, [
    [{ partition: 1, leftOut: 0 }, 'failed'],
    [{ partition: 2, leftOut: 0 }, 'failed'],
    [{ partition: 1, leftOut: 1199 }, 'failed'],
    [{ partition: 2, leftOut: 59 }, 'failed'],
  ]);
});
