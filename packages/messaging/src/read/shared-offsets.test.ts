import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogPoint } from '../cluster/log-offsets.ts';
import { createSharedOffsets } from './shared-offsets.ts';

const NEVER = new AbortController().signal;

/** A reader whose partition 9 has no leader. */
function setUp() {
  const asked: [LogPoint, readonly number[]][] = [];
  const offsetOf = createSharedOffsets({
    offsets(at, partitions = []) {
      asked.push([at, partitions]);
      if (partitions.includes(9)) return Promise.reject(new Error('no leader'));
      return Promise.resolve(new Map(partitions.map((partition) => [partition, BigInt(partition) + 100n])));
    },
  });
  return { asked, offsetOf };
}

test('partitions asked about in one turn share a request for each end of the log', async () => {
  const { asked, offsetOf } = setUp();
  const offsets = await Promise.all([
    offsetOf('latest', 1, NEVER),
    offsetOf('earliest', 1, NEVER),
    offsetOf('latest', 2, NEVER),
  ]);
  assert.deepEqual(offsets, [101n, 101n, 102n]);
  assert.deepEqual(asked, [
    ['latest', [1, 2]],
    ['earliest', [1]],
  ]);
  assert.equal(await offsetOf('latest', 3, NEVER), 103n);
  assert.deepEqual(asked[2], ['latest', [3]], 'what was answered before is not used again');
});

test('a partition in trouble fails alone', async () => {
  const { offsetOf } = setUp();
  const [good, bad] = await Promise.allSettled([offsetOf('latest', 1, NEVER), offsetOf('latest', 9, NEVER)]);
  assert.deepEqual(good, { status: 'fulfilled', value: 101n });
  assert.equal(bad.status, 'rejected');
});

test('an abort ends the waiting of one, not of the others', async () => {
  const { offsetOf } = setUp();
  const abort = new AbortController();
  const [ended, other] = [offsetOf('latest', 1, abort.signal), offsetOf('latest', 2, NEVER)];
  abort.abort(new Error('enough'));
  await assert.rejects(ended, /enough/);
  assert.equal(await other, 102n);
});
