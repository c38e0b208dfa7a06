import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  createConsumerGroupModel,
  type GroupStep,
  MAX_UNACKNOWLEDGED,
  PARTITIONS,
} from '../../testing/consumer-group-model.ts';
import { createMemberProgress, type MemberProgress } from './member-progress.ts';
import { createUnacknowledgedEvents, type UnacknowledgedEvents } from './unacknowledged-events.ts';

const member = fc.nat({ max: 1 });
const owner = fc.option(member, { nil: undefined, freq: 4 });
const steps: fc.Arbitrary<GroupStep[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        partition: fc.nat({ max: PARTITIONS - 1 }),
        matches: fc.boolean(),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('send' as const),
        member,
        most: fc.integer({ min: 1, max: 4 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('acknowledge' as const),
        member,
        share: fc.constantFrom(0, 0.5, 0.8, 1),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('commit' as const), member, answerIsLost: fc.boolean() }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('rebalance' as const),
        owners: fc.tuple(owner, owner, owner),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('learn' as const), member }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), member }) },
  ),
  // The default size makes histories in which hardly anything happens.
  { maxLength: 80, size: 'max' },
);

/** Whatever happens to a group whose members are made by `createProgress`. */
function anyHistory(createProgress: () => MemberProgress): fc.IPropertyWithHooks<[GroupStep[]]> {
  return fc.property(steps, (history) => {
    const group = createConsumerGroupModel(createProgress);
    // Both begin as members of a group that has partitions.
    const beginning: GroupStep[] = [
      { kind: 'rebalance', owners: [0, 1, 0] },
      { kind: 'learn', member: 0 },
      { kind: 'learn', member: 1 },
    ];
    for (const step of [...beginning, ...history]) group.run(step);
    group.settle();
  });
}

type Change = (right: UnacknowledgedEvents) => Partial<UnacknowledgedEvents>;

const withChange = (change: Change) => () => {
  const right = createUnacknowledgedEvents(MAX_UNACKNOWLEDGED);
  return createMemberProgress({ ...right, ...change(right) });
};

test('whatever happens to a group, no event is stored as done before a client has acknowledged it, and all are in the end', () => {
  fc.assert(anyHistory(withChange(() => ({}))), { numRuns: 2_000 });
});

const mutants: [what: string, createProgress: () => MemberProgress][] = [
  ['takes what was sent for done', withChange(() => ({ firstOffset: () => undefined }))],
  ['gives no credit for an acknowledgement', withChange(() => ({ acknowledge: () => {} }))],
  ['gives no credit for a partition that it lost', withChange(() => ({ drop: () => {} }))],
  [
    'takes every acknowledgement for one of everything',
    withChange((right) => ({ acknowledge: () => right.acknowledge(right.newestMessage()) })),
  ],
  [
    'forgets at a rebalance what is not acknowledged, and does not read it again',
    withAssign((right, committed) => {
      const places = [...right.cursor];
      right.assign(new Map());
      right.assign(committed);
      for (const [partition, offset] of committed) right.cursor[partition] = places[partition] ?? offset;
    }),
  ],
  [
    'does not see that another member was further',
    withAssign((right, committed, known) => {
      right.assign(new Map([...committed].map(([at, offset]) => [at, known.get(at) ?? offset])));
    }),
  ],
];

type Assign = (right: MemberProgress, committed: Offsets, known: Offsets) => void;
type Offsets = ReadonlyMap<number, bigint>;

function withAssign(assign: Assign): () => MemberProgress {
  return () => {
    const right = createMemberProgress(createUnacknowledgedEvents(MAX_UNACKNOWLEDGED));
    let known: Offsets = new Map();
    return {
      ...right,
      assign(committed) {
        assign(right, committed, known);
        known = committed;
      },
    };
  };
}

const LOSS = /is lost|is set back|unacknowledged events|credit/;

for (const [what, createProgress] of mutants) {
  test(`rejected: a member that ${what}`, () => {
    const { failed, errorInstance } = fc.check(anyHistory(createProgress), {
      numRuns: 6_000,
      endOnFailure: true,
    });
    assert.ok(failed);
    assert.match(String(errorInstance), LOSS);
  });
}

const sent = (partition: number, ...offsets: bigint[]) => offsets.map((offset) => ({ partition, offset }));

test('an acknowledgement is cumulative, frees credit, and can be stored up to the first event that is not acknowledged', () => {
  const progress = withChange(() => ({}))();
  progress.assign(
    new Map([
      [0, 10n],
      [1, 0n],
    ]),
  );
  progress.cursor[0] = 15n;
  progress.cursor[1] = 3n;
  const first = progress.sent([...sent(0, 11n, 12n), ...sent(1, 2n)]);
  const second = progress.sent(sent(0, 14n));
  assert.deepEqual([progress.unacknowledged(), progress.credit()], [4, 1]);
  assert.deepEqual(
    progress.uncommitted(),
    new Map([
      [0, 11n],
      [1, 2n],
    ]),
  );
  progress.acknowledge(first);
  assert.deepEqual([progress.unacknowledged(), progress.credit()], [1, 4]);
  assert.deepEqual(
    progress.uncommitted(),
    new Map([
      [0, 14n],
      [1, 3n],
    ]),
  );
  progress.acknowledge(second);
  progress.acknowledge(first);
  assert.deepEqual([progress.unacknowledged(), progress.credit()], [0, 5]);
  assert.deepEqual(
    progress.uncommitted(),
    new Map([
      [0, 15n],
      [1, 3n],
    ]),
  );
  assert.throws(() => progress.acknowledge(second + 1), RangeError);
});

test('a rebalance that leaves a partition where it is sends nothing of it again', () => {
  const progress = withChange(() => ({}))();
  progress.assign(
    new Map([
      [0, 0n],
      [1, 0n],
    ]),
  );
  progress.cursor[0] = 2n;
  progress.cursor[1] = 2n;
  const message = progress.sent([...sent(0, 0n, 1n), ...sent(1, 0n, 1n)]);
  progress.assign(new Map([[0, 0n]]));
  assert.deepEqual([progress.partitions(), progress.cursor[0], progress.unacknowledged()], [[0], 2n, 2]);
  progress.acknowledge(message);
  assert.deepEqual(progress.uncommitted(), new Map([[0, 2n]]));
});

test('a partition that another member has had begins at its committed offset', () => {
  const progress = withChange(() => ({}))();
  progress.assign(new Map([[0, 0n]]));
  progress.cursor[0] = 4n;
  progress.sent(sent(0, 0n, 1n, 2n, 3n));
  progress.assign(new Map([[0, 2n]]));
  assert.deepEqual([progress.cursor[0], progress.unacknowledged()], [2n, 0]);
});
