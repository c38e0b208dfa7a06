import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { createLogCuts } from './log-cuts.ts';

const cuts = fc.array(fc.record({ partition: fc.nat({ max: 1 }), end: fc.bigInt({ min: 0n, max: 30n }) }), {
  maxLength: 40,
});

test('no cut below a place goes untold, and none is made up while not too many are remembered', () => {
  fc.assert(
    fc.property(cuts, fc.nat({ max: 40 }), fc.bigInt({ min: 0n, max: 31n }), (history, since, offset) => {
      const known = createLogCuts();
      history.forEach(({ partition, end }, index) => known.add(index + 1, partition, end));
      const later = history.slice(since).filter(({ partition }) => partition === 0);
      const isCut = later.some(({ end }) => end < offset);
      const told = known.hasCutBelow(since, 0, offset);
      assert.ok(told || !isCut);
      if (history.length <= 16) assert.equal(told, isCut);
    }),
  );
});

test('another log has no cuts', () => {
  const known = createLogCuts();
  known.add(1, 0, 5n);
  known.clear();
  assert.equal(known.hasCutBelow(0, 0, 6n), false);
});
