import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTimestamp } from './timestamp-parser.ts';

test('a time is read to the millisecond, whatever its zone', () => {
  for (const [text, time] of [
    ['2026-02-17 10:00:00.123456+00', '2026-02-17T10:00:00.123Z'],
    ['2026-02-17 10:00:00+05:45', '2026-02-17T04:15:00.000Z'],
    ['2026-02-16 22:30:00-0330', '2026-02-17T02:00:00.000Z'],
  ] as const) {
    assert.equal(parseTimestamp(text).toISOString(), time);
  }
});

test('any other text is an error, and never a wrong time or none', () => {
  for (const text of [
    '17.02.2026 10:00:00.123 CET',
    '17/02/2026 10:00:00.123 CET',
    'Tue 17 Feb 10:00:00.123 2026 CET',
    '2026-02-17 10:00:00',
    '12026-02-17 10:00:00+00',
    '0044-03-15 10:00:00+00 BC',
    '2026-02-31 25:00:00+00',
    'infinity',
    '-infinity',
    '',
  ]) {
    assert.throws(() => parseTimestamp(text), /unreadable time/, text);
  }
});
