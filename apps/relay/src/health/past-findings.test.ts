import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPastFindings } from './past-findings.ts';

const HOUR_MS = 3_600_000;

test('what has happened to a partition is shown for a day, and what happens to it again for a day from then', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let shown: readonly string[] = [];
  const past = createPastFindings<string>((happened) => (shown = happened));
  past.set(0, 'a cut');
  t.mock.timers.tick(12 * HOUR_MS);
  past.set(0, 'another');
  past.set(1, 'elsewhere');
  assert.deepEqual(shown, ['another', 'elsewhere']);
  t.mock.timers.tick(13 * HOUR_MS);
  assert.deepEqual([shown, past.of(0)], [['another', 'elsewhere'], 'another']);
  t.mock.timers.tick(11 * HOUR_MS);
  assert.deepEqual([shown, past.of(0)], [[], undefined]);
});
