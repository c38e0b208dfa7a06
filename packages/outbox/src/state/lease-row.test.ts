import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acquiredLease, ownershipView } from './lease-row.ts';

const COUNTS = { others: 2, rank: 1, steady: 2, untold: 0, available: 12, free: 3 };

test('this relay counts itself', () => {
  assert.deepEqual(ownershipView([{ ours: [{ partition: 4, mode: 'draining' }], locked: [], ...COUNTS }]), {
    ours: [{ partition: 4, mode: 'draining' }],
    locked: [],
    relays: 3,
    rank: 1,
    steady: 2,
    untold: 0,
    available: 12,
    free: 3,
  });
});

test('a mode that is not known pauses', () => {
  const view = ownershipView([{ ours: [{ partition: 0, mode: 'archived' }], locked: [], ...COUNTS }]);
  assert.deepEqual(view.ours, [{ partition: 0, mode: 'paused' }]);
});

test('a count that is none is refused, so that nothing is shared by it', () => {
  for (const wrong of [-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER + 1]) {
    assert.throws(
      () => ownershipView([{ ours: [], locked: [], ...COUNTS, available: wrong }]),
      /not a count: available/,
    );
  }
  assert.throws(() => ownershipView([]), /gave no answer/);
});

test('a checkpoint is read as it was stored', () => {
  const row = { partition: 1, epoch: '7', mode: 'running', cursor: '9:12:10', log_offset: 2n ** 60n };
  const within = acquiredLease({ ...row, page_target: '20:20:', page_seq: '5', page_end: 9n });
  assert.deepEqual(within.checkpoint, {
    cursor: { snapshot: '9:12:10', page: { target: '20:20:', afterSeq: 5n, endSeq: 9n } },
    logOffset: 2n ** 60n,
  });
  const between = acquiredLease({ ...row, page_target: null, page_seq: null, page_end: null });
  assert.deepEqual(between.checkpoint.cursor, { snapshot: '9:12:10' });
});
