import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CURSOR_AT_START, cursorKey, parseSnapshot } from './cursor.ts';

test('a snapshot is split into its end and what was in progress', () => {
  assert.deepEqual(parseSnapshot('10:20:10,14,15'), { xmax: '20', inProgress: ['10', '14', '15'] });
  assert.deepEqual(parseSnapshot('20:20:'), { xmax: '20', inProgress: [] });
  assert.deepEqual(parseSnapshot(CURSOR_AT_START.snapshot), { xmax: '3', inProgress: [] });
});

test('anything else is not a snapshot', () => {
  for (const text of ['', '10:20', '10:20:1;2', 'a:b:', '10:20:10,14 ']) {
    assert.throws(() => parseSnapshot(text), /not a pg_snapshot/, text);
  }
});

test('cursors share a key only when they read the same rows', () => {
  const page = { target: '9:9:', afterSeq: 4n, endSeq: 8n };
  const cursors = [
    { snapshot: '5:5:' },
    { snapshot: '6:6:' },
    { snapshot: '5:5:', page },
    { snapshot: '5:5:', page: { ...page, afterSeq: 5n } },
    { snapshot: '5:5:', page: { ...page, target: '10:10:' } },
    { snapshot: '5:5:', page: { ...page, endSeq: 9n } },
  ];
  assert.equal(new Set(cursors.map(cursorKey)).size, cursors.length);
  assert.equal(cursorKey({ snapshot: '5:5:', page: { ...page } }), cursorKey({ snapshot: '5:5:', page }));
});
