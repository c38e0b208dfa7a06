import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiredDayTables, missingDayTables, dayTableName } from './day-table-plan.ts';

const at = (text: string) => new Date(text);
const NOTHING = new Set<string>();

test('day tables are made for days of UTC, today from a little later on', () => {
  const planned = missingDayTables({ now: at('2026-02-27T23:00:30Z'), daysAhead: 2, existing: NOTHING });
  assert.deepEqual(planned, [
    { name: 'outbox_20260227', from: at('2026-02-27T23:03:00Z'), to: at('2026-02-28T00:00:00Z') },
    { name: 'outbox_20260228', from: at('2026-02-28T00:00:00Z'), to: at('2026-03-01T00:00:00Z') },
    { name: 'outbox_20260301', from: at('2026-03-01T00:00:00Z'), to: at('2026-03-02T00:00:00Z') },
  ]);
});

test('in the last minutes of a day its own table is not worth it, and the next one begins in time', () => {
  const planned = missingDayTables({ now: at('2026-02-27T23:58:30Z'), daysAhead: 1, existing: NOTHING });
  assert.deepEqual(planned, [
    { name: 'outbox_20260228', from: at('2026-02-28T00:01:00Z'), to: at('2026-03-01T00:00:00Z') },
  ]);
});

test('what exists is not made again', () => {
  const existing = new Set(['outbox_20260227', 'outbox_20260301']);
  const planned = missingDayTables({ now: at('2026-02-27T12:00:00Z'), daysAhead: 2, existing });
  assert.deepEqual(
    planned.map(({ name }) => name),
    ['outbox_20260228'],
  );
});

test('a day table expires when its end is older than the replay window, whatever its name says; others never', () => {
  const ending = (name: string, to: string) => ({ name, from: at('2026-01-01T00:00:00Z'), to: at(to) });
  const expired = expiredDayTables({
    now: at('2026-02-27T12:00:00Z'),
    replayWindowMs: 24 * 60 * 60 * 1000,
    existing: [
      ending('outbox_20260226', '2026-02-27T00:00:00Z'),
      ending('outbox_20260225', '2026-02-26T12:00:00Z'),
      ending('outbox_20260224', '2026-02-25T00:00:00Z'),
      ending('outbox_archive', '2026-01-02T00:00:00Z'),
    ],
  });
  assert.deepEqual(
    expired.map(({ name }) => name),
    ['outbox_20260224', 'outbox_20260225'],
  );
  assert.equal(dayTableName(at('2026-02-24T23:59:59.999Z')), 'outbox_20260224');
});
