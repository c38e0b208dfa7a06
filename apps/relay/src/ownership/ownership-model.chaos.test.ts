import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MUTANTS } from '../../testing/ownership-model/mutants.ts';
import { search } from '../../testing/ownership-model/search.ts';
import { RULES, worldAtStart } from '../../testing/ownership-model/world.ts';

/*
 * Everything that can happen to a few relays and partitions, in every order: requests delayed, lost and answered late, relays that
 * join, stop, are killed, are cut off from Kafka, and are frozen (they take no step while time passes), and a row that somebody locks. In each state no two relays publish a partition, nor
 * does one while another's records are under way; epochs grow, checkpoints never go back, what nobody owns is at rest; and relays
 * that go on undisturbed own everything again after a lease and a look, in equal shares, and come to rest; what is
 * cut off from Kafka keeps nothing while another reaches it.
 */

const NOTHING = { crashes: 0, delays: 0, stops: 0, wishes: 0, locks: 0, cuts: 0 };

const SPACES = [
  { relays: 2, partitions: 2, left: NOTHING },
  { relays: 3, partitions: 1, left: NOTHING },
  { relays: 2, partitions: 1, left: { ...NOTHING, crashes: 1 } },
  { relays: 2, partitions: 1, left: { ...NOTHING, delays: 1 } },
  { relays: 2, partitions: 1, left: { ...NOTHING, stops: 1 } },
  { relays: 2, partitions: 1, left: { ...NOTHING, locks: 1 } },
  { relays: 2, partitions: 1, left: { ...NOTHING, wishes: 2 }, hasWindow: true },
  { relays: 2, partitions: 1, left: { ...NOTHING, cuts: 2 } },
];

for (const space of SPACES) {
  const { relays, partitions, left } = space;
  test(`whatever happens to ${relays} relays and ${partitions} partitions with ${JSON.stringify(left)}, nothing is broken`, (t) => {
    const { states, depth, exhausted, broken } = search(worldAtStart(space), RULES, 200_000);
    t.diagnostic(`${states} states, up to ${depth} steps`);
    assert.equal(broken, undefined);
    assert.ok(exhausted, 'there is more to look at');
  });
}

for (const { name, rules, left, partitions = 1 } of MUTANTS) {
  test(`found to be wrong: ${name}`, (t) => {
    const start = worldAtStart({ relays: 2, partitions, left: { ...NOTHING, ...left } });
    const { states, broken } = search(start, rules, 200_000);
    t.diagnostic(`${states} states; ${broken}`);
    assert.notEqual(broken, undefined);
  });
}
