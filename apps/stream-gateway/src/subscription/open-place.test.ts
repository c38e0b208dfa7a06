import assert from 'node:assert/strict';
import test from 'node:test';
import { filterOf, openTimeMs, toCommit, withFilter } from './open-place.ts';

test('a place is committed by offsets, and where it is open by a time, which another filter leaves as it is', () => {
  const committed = toCommit({ next: [7n, undefined], logTimeMs: 1_700_000_000_000 }, 'f1:abc');
  const [known, open] = [committed.get(0)!, committed.get(1)!];
  assert.deepEqual(known, { offset: 7n, metadata: 'f1:abc' });
  assert.equal(openTimeMs(known), undefined);
  assert.equal(open.offset, 0n);
  assert.equal(openTimeMs(open), 1_700_000_000_000);
  assert.deepEqual([filterOf(known.metadata), filterOf(open.metadata)], ['f1:abc', 'f1:abc']);
  const moved = { ...open, metadata: withFilter(open, 'f1:def') };
  assert.deepEqual([filterOf(moved.metadata), openTimeMs(moved)], ['f1:def', 1_700_000_000_000]);
  assert.equal(withFilter(known, 'f1:def'), 'f1:def');
});

test('what an operator has set with a tool of Kafka is an offset', () => {
  for (const metadata of ['', 'somebody@example.org', '@', 'note@1230', 'f1:abc@soon']) {
    assert.equal(openTimeMs({ offset: 5n, metadata }), undefined, metadata);
  }
});
