import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFollowedVersions, type FollowedVersions, TooManyOrdersError } from './followed-versions.ts';

// A table whose changes come into a log late, a list that is read page by page while they go on, and a log that loses the place.

const ORDERS = ['a', 'b', 'c', 'd'];
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      order: fc.constantFrom(...ORDERS),
      matches: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      order: fc.constantFrom(...ORDERS),
      matches: fc.constant(false),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('publish' as const, 'read' as const),
      order: fc.constant(''),
      matches: fc.constant(false),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('page' as const),
      order: fc.constant(''),
      matches: fc.constant(false),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('lose the place' as const),
      order: fc.constant(''),
      matches: fc.constant(false),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer Given> ? Given : never;

interface Row {
  readonly version: bigint;
  readonly matches: boolean;
}

function follow(versions: FollowedVersions, steps: readonly Step[]): void {
  const table = new Map<string, Row>();
  const versionsEver = new Map<string, bigint>();
  const committed: (Row & { orderId: string; wasMatching: boolean })[] = [];
  let [published, position] = [0, 0];
  let pages: string[] | undefined = [...ORDERS];
  const view = new Map<string, bigint>();
  const told = new Map<string, bigint>();
  versions.beginList();

  function tell(orderId: string, version: bigint, outcome: 'present' | 'left' | undefined): void {
    if (!outcome) return;
    assert.ok(
      version > (told.get(orderId) ?? 0n) || !table.has(orderId),
      `${orderId}: ${version} after ${told.get(orderId)}`,
    );
    told.set(orderId, version);
    if (outcome === 'left') assert.ok(view.delete(orderId), `${orderId} has left and was not there`);
    else view.set(orderId, version);
  }

  function page(): void {
    const orderId = pages?.shift();
    const row = orderId === undefined ? undefined : table.get(orderId);
    if (orderId && row?.matches)
      tell(orderId, row.version, versions.listed({ orderId, orderVersion: row.version, matches: true }));
    if (pages?.length !== 0) return;
    pages = undefined;
    for (const unlisted of versions.unlisted()) {
      const now = table.get(unlisted);
      if (now)
        tell(
          unlisted,
          now.version,
          versions.listed({ orderId: unlisted, orderVersion: now.version, matches: now.matches }),
        );
    }
    for (const unlisted of versions.unlisted()) {
      if (versions.gone(unlisted) !== undefined) assert.ok(view.delete(unlisted));
    }
  }

  /** The gateway passes by what neither matches nor did before. */
  function read(): void {
    const event = committed[position];
    if (pages || !event || position >= published) return;
    position += 1;
    if (!event.matches && !event.wasMatching) return;
    const { orderId, version: orderVersion, matches } = event;
    tell(orderId, orderVersion, versions.event({ orderId, orderVersion, matches }));
  }

  function take({ kind, order, matches }: Step): void {
    if (kind === 'change') {
      const version = (versionsEver.get(order) ?? 0n) + 1n;
      const row = { version, matches };
      committed.push({ ...row, orderId: order, wasMatching: table.get(order)?.matches ?? false });
      versionsEver.set(order, version);
      table.set(order, row);
    } else if (kind === 'delete') {
      // By hand, and without an event: what is told of it afterwards is of before.
      if (published === committed.length && position === published) table.delete(order);
    } else if (kind === 'publish') published = Math.min(published + 1, committed.length);
    else if (kind === 'read') read();
    else if (kind === 'page') page();
    else {
      // The stream begins anew where the log ends, and then the list.
      position = published;
      pages = [...ORDERS];
      versions.beginList();
    }
  }

  steps.forEach(take);
  take({ kind: 'lose the place', order: '', matches: false });
  for (const _ of ORDERS) page();
  published = committed.length;
  while (position < published) read();
  const expected = [...table].flatMap(([id, { version, matches }]) => (matches ? [[id, version]] : []));
  assert.deepEqual(Object.fromEntries(view), Object.fromEntries(expected), 'the view is not the table');
}

const check = (change: (versions: FollowedVersions) => Partial<FollowedVersions> = () => ({})) =>
  fc.check(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), (steps) => {
      const versions = createFollowedVersions(100);
      follow({ ...versions, ...change(versions) }, steps);
    }),
    { numRuns: 1_000, endOnFailure: true },
  );

test('whatever changes while the list is read and the log is late or lost: versions only grow, and the view becomes the table', () => {
  assert.equal(check().errorInstance, null);
});

const MUTANTS: Readonly<Record<string, (versions: FollowedVersions) => Partial<FollowedVersions>>> = {
  'events come before what was listed': () => ({ event: ({ matches }) => (matches ? 'present' : 'left') }),
  'what is listed comes before what was told': ({ listed }) => ({
    listed: (seen) => (listed(seen), 'present'),
  }),
  'nobody asks about what is not in the list': () => ({ unlisted: () => [] }),
  'the version at which an order was found to have left is forgotten': ({ listed, gone }) => ({
    listed(seen) {
      if (seen.matches) return listed(seen);
      return gone(seen.orderId) === undefined ? undefined : 'left';
    },
  }),
  'an order that leaves stays': ({ event }) => ({
    event: (seen) => (seen.matches ? event(seen) : undefined),
  }),
  'a list is taken for all that there is': ({ unlisted, gone }) => ({
    unlisted: () => unlisted().filter((orderId) => gone(orderId) === undefined),
  }),
};

for (const [what, change] of Object.entries(MUTANTS)) {
  test(`found out: ${what}`, () => assert.ok(check(change).failed));
}

test('no more orders are remembered than may be: those that have left go first, and then it says so', () => {
  const versions = createFollowedVersions(2);
  const event = (orderId: string, orderVersion: bigint, matches = true) =>
    versions.event({ orderId, orderVersion, matches });
  assert.deepEqual([event('a', 1n), event('a', 2n, false), event('a', 1n)], ['present', 'left', undefined]);
  assert.deepEqual([event('b', 1n), event('c', 1n)], ['present', 'present']);
  assert.throws(() => event('d', 1n), TooManyOrdersError);
});
