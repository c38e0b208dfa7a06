import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../../../test/harness/seeded-random.ts';
import { assignPartitions } from './partition-assignment.ts';

const claim = (memberId: string, ...held: number[]) => ({ memberId, held });

test('a member that joins takes from the others only what is its share', () => {
  assert.deepEqual(
    assignPartitions([claim('c'), claim('a', 0, 1, 2, 3), claim('b', 4, 5, 6)], 7),
    new Map([
      ['a', [0, 1, 2]],
      ['b', [4, 5]],
      ['c', [3, 6]],
    ]),
  );
});

test('what two claim is given to one, what does not exist to none, and what nobody has to those with less', () => {
  assert.deepEqual(
    assignPartitions([claim('b', 0, 1, 9), claim('a', 1, 2, 1)], 4),
    new Map([
      ['a', [1, 2]],
      ['b', [0, 3]],
    ]),
  );
});

test('more members than partitions: some have none', () => {
  const shares = assignPartitions([claim('a'), claim('b'), claim('c', 1)], 2);
  assert.deepEqual(shares.get('a')?.length, 1);
  assert.deepEqual(shares.get('b')?.length, 0);
  assert.deepEqual(shares.get('c'), [1]);
});

test('members come and go: every partition has one owner, shares differ by one at most, and no share is taken away', () => {
  const random = createRandom(7);
  let held = new Map<string, number[]>([['m0', []]]);
  for (let round = 1; round < 500; round += 1) {
    const count = 1 + Math.floor(round / 20);
    const ids = [...held.keys()].filter(() => random.below(4) > 0);
    for (let joining = random.below(4); joining > 0 || ids.length === 0; joining -= 1) {
      ids.push(`m${round}-${joining}`);
    }
    const shares = assignPartitions(
      ids.map((id) => claim(id, ...(held.get(id) ?? []))),
      count,
    );
    const sizes = [...shares.values()].map(({ length }) => length);
    const owned = [...shares.values()].flat().toSorted((one, other) => one - other);
    assert.deepEqual(owned, [...Array(count).keys()]);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
    for (const [id, partitions] of shares) {
      const before = held.get(id) ?? [];
      const kept = before.filter((partition) => partitions.includes(partition));
      assert.ok(kept.length >= Math.min(before.length, Math.floor(count / ids.length)));
    }
    held = shares;
  }
});
