import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textTable } from './text-table.ts';

test('columns are as wide as their widest cell, numbers stand to the right', () => {
  const text = textTable({
    title: 'Speed',
    columns: [
      { key: 'what', label: 'what' },
      { key: 'rate', label: 'events/s' },
      { key: 'cpu', label: 'µs', digits: 1 },
    ],
    rows: [
      { what: 'drain', rate: 61234.4, cpu: 8 },
      { what: 'latency, idle', rate: 5 },
    ],
    notes: ['of one run'],
  });
  assert.deepEqual(text.split('\n'), [
    '',
    '── Speed',
    '  what           events/s   µs',
    '  ────────────────────────────',
    '  drain            61,234  8.0',
    '  latency, idle         5    –',
    '  · of one run',
  ]);
});
