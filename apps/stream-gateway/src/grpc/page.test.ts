import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fillPage } from './page.ts';

test('pages have all items in order, none is longer than it may be unless it has a single item', () => {
  const size = fc.integer({ min: 1, max: 100 });
  fc.assert(
    fc.property(fc.array(size), size, fc.integer({ min: 1, max: 300 }), (sizes, maxItems, maxBytes) => {
      const bytesOf = (bytes: number) => bytes;
      const read: number[] = [];
      for (let isCut = true; isCut;) {
        const rest = sizes.slice(read.length);
        const page = fillPage(rest, maxItems, bytesOf, maxBytes);
        const bytes = page.items.reduce((sum, item) => sum + item, 0);
        assert.ok(page.items.length <= maxItems);
        assert.ok(bytes <= maxBytes || page.items.length === 1);
        const next = rest[page.items.length];
        assert.equal(page.isCut, next !== undefined);
        assert.ok(next === undefined || page.items.length === maxItems || bytes + next > maxBytes);
        read.push(...page.items);
        isCut = page.isCut;
      }
      assert.deepEqual(read, sizes);
    }),
  );
});
