import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortSnapshot, snapshotOf } from './moment.ts';

for (const snapshot of [
  '3:3:',
  '750:750:',
  '750:753:750,752',
  '750:760:751',
  '123456789012345678:123456789099999999:123456789012345678,123456789012345999',
]) {
  test(`a snapshot is the same after it was made short: ${snapshot}`, () => {
    assert.equal(snapshotOf(shortSnapshot(snapshot)), snapshot);
  });
}

test('a snapshot with very many transactions in progress becomes an earlier one', () => {
  const inProgress = Array.from({ length: 1000 }, (_, index) => 1_000_000_000 + index * 2);
  const short = shortSnapshot(`1000000000:1000005000:${inProgress.join(',')}`);
  assert.ok(short.length < 500, `${short.length} characters`);
  assert.equal(snapshotOf(short), `1000000000:1000000400:${inProgress.slice(0, 200).join(',')}`);
});
