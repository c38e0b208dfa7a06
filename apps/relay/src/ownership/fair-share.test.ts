import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fairShare } from './fair-share.ts';

function shares(available: number, relays: number): number[] {
  return Array.from({ length: relays }, (_, rank) =>
    fairShare({ ours: [], locked: [], free: 0, steady: 0, untold: 0, available, relays, rank }),
  );
}

test('shares add up to what there is and differ by one at most', () => {
  assert.deepEqual(shares(12, 5), [3, 3, 2, 2, 2]);
  assert.deepEqual(shares(2, 3), [1, 1, 0]);
  fc.assert(
    fc.property(fc.nat(500), fc.integer({ min: 1, max: 50 }), (available, relays) => {
      const all = shares(available, relays);
      assert.equal(
        all.reduce((sum, share) => sum + share, 0),
        available,
      );
      assert.ok(Math.max(...all) - Math.min(...all) <= 1);
    }),
  );
});
