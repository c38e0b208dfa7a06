import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createCompleteBoard } from './complete-board.ts';
import { completeAfter, type CompleteProgress } from './complete-progress.ts';

const PARTITIONS = 2;
const TOPIC = 'topic';

/** What happens next, to the transaction or the partition of this number. */
type Step =
  | { readonly kind: 'begin' | 'commit' | 'look' | 'write' | 'tell' | 'read'; readonly at: number }
  /** Commits between the arrival of a look and its snapshot, or behind it; the clock of the database is set, forward or back. */
  | { readonly kind: 'clock'; readonly at: number };

/** A rule that looks right. */
interface Mutant {
  /** The time of a look is read behind its snapshot. */
  readonly readsTimeLate?: boolean;
  /** What the look found is promised before it is written. */
  readonly promisesUnwritten?: boolean;
  /** The mark holds from one record earlier: one transaction too far. */
  readonly oneTooFar?: boolean;
  /** The gateway takes the partition that is the furthest. */
  readonly takesGreatest?: boolean;
  /** The gateway gives a mark to whoever reads, wherever it stands. */
  readonly ignoresOffset?: boolean;
}

interface Transaction {
  readonly partition: number;
  committedMs: number | undefined;
}

interface Look {
  readonly takenAtMs: number;
  readonly found: Transaction[];
}

/** Database, relay, topic and one stream, each step as coarse as it may be while others go on. */
function simulate(steps: readonly Step[], mutant: Mutant): void {
  let nowMs = 1_000;
  const open: Transaction[] = [];
  const committed: Transaction[] = [];
  const seen = new Set<Transaction>();
  const looks = Array.from({ length: PARTITIONS }, (): Look[] => []);
  const logs = Array.from({ length: PARTITIONS }, (): Transaction[] => []);
  const progress: (CompleteProgress | undefined)[] = [];
  const next = Array.from({ length: PARTITIONS }, () => 0n);
  const board = createCompleteBoard();
  let toldMs: number | undefined;

  const commit = (at: number) => {
    const [transaction] = open.splice(at % Math.max(1, open.length), 1);
    if (!transaction) return;
    transaction.committedMs = nowMs;
    committed.push(transaction);
    nowMs += 1;
  };

  function look(at: number): void {
    const arrivedMs = nowMs;
    nowMs += 1;
    if (at % 2 === 0) commit(at);
    const found = committed.filter((transaction) => !seen.has(transaction));
    for (const transaction of found) seen.add(transaction);
    nowMs += 1;
    if (at % 3 === 0) commit(at);
    const takenAtMs = mutant.readsTimeLate ? nowMs : arrivedMs;
    for (const [partition, waiting] of looks.entries()) {
      waiting.push({ takenAtMs, found: found.filter((one) => one.partition === partition) });
    }
  }

  function write(partition: number): void {
    const pending = looks[partition];
    const log = logs[partition];
    const done = pending?.shift();
    if (!done || !log || !pending) return;
    log.push(...done.found);
    const promised = mutant.promisesUnwritten ? (pending.at(-1) ?? done) : done;
    const writtenTo = BigInt(log.length) - (mutant.oneTooFar ? 1n : 0n);
    progress[partition] = completeAfter(progress[partition], promised.takenAtMs, writtenTo);
  }

  function throughMs(): number | undefined {
    if (mutant.ignoresOffset)
      return board.throughAt(
        TOPIC,
        next.map(() => 10_000n),
      );
    if (!mutant.takesGreatest) return board.throughAt(TOPIC, next);
    const each = progress.map((one, partition) =>
      (next[partition] ?? 0n) >= (one?.offset ?? 0n) ? one?.throughMs : undefined,
    );
    return Math.max(...each.map((ms) => ms ?? 0));
  }

  function read(partition: number): void {
    const passed = next[partition] ?? 0n;
    if (passed < (logs[partition]?.length ?? 0)) next[partition] = passed + 1n;
    const reached = throughMs();
    if (reached === undefined) return;
    if (toldMs !== undefined) assert.ok(reached >= toldMs, 'it went back');
    toldMs = reached;
    for (const transaction of committed) {
      const place = logs[transaction.partition]?.indexOf(transaction) ?? -1;
      const isDelivered = place >= 0 && BigInt(place) < (next[transaction.partition] ?? 0n);
      assert.ok(isDelivered || (transaction.committedMs ?? 0) >= reached, 'promised, and not delivered');
    }
  }

  for (const { kind, at } of steps) {
    const partition = at % PARTITIONS;
    if (kind === 'begin') open.push({ partition, committedMs: undefined });
    else if (kind === 'commit') commit(at);
    else if (kind === 'look') look(at);
    else if (kind === 'write') write(partition);
    else if (kind === 'clock') nowMs += at;
    else if (kind === 'read') read(partition);
    else {
      const known = progress[partition];
      if (known) board.take({ topicId: TOPIC, partitionCount: PARTITIONS, partition, ...known });
    }
  }
}

const anySteps = fc.array(
  fc.record({
    kind: fc.constantFrom('begin', 'commit', 'look', 'write', 'tell', 'read', 'read', 'clock'),
    at: fc.nat(11),
  }),
  { maxLength: 80, size: 'max' },
);
const property = (mutant: Mutant) =>
  fc.property(anySteps, (steps) => simulate(steps as readonly Step[], mutant));

test('whatever overlaps, all that was committed before the time that is told has been delivered, and it never goes back', () => {
  fc.assert(property({}), { numRuns: 1_000 });
});

const MUTANTS: readonly (readonly [string, Mutant])[] = [
  ['the time of a look is read behind its snapshot', { readsTimeLate: true }],
  ['what was found is promised before it is written', { promisesUnwritten: true }],
  ['the mark is moved one transaction too far', { oneTooFar: true }],
  ['the furthest partition speaks for all', { takesGreatest: true }],
  ['a mark is given to whoever has not come to its offset', { ignoresOffset: true }],
];
for (const [what, mutant] of MUTANTS) {
  test(`rejected: ${what}`, () => {
    const { failed, errorInstance } = fc.check(property(mutant), { numRuns: 2_000, endOnFailure: true });
    assert.ok(failed);
    assert.match(String(errorInstance), /promised, and not delivered|it went back/);
  });
}

test('a clock that goes back, what is set aside and a look within a window hold it still', () => {
  const before = { throughMs: 500, offset: 7n };
  assert.deepEqual(completeAfter(before, 499, 9n), before);
  assert.deepEqual(completeAfter(before, 900, undefined), before);
  assert.deepEqual(completeAfter(before, undefined, 9n), before);
  assert.deepEqual(completeAfter(before, 501, 9n), { throughMs: 501, offset: 9n });
  assert.equal(completeAfter(undefined, undefined, 9n), undefined);
});

const mark = (partition: number, throughMs: number, offset: bigint, rest = {}) => ({
  ...{ topicId: TOPIC, partitionCount: PARTITIONS, partition, throughMs, offset },
  ...rest,
});

test('marks of a former owner that come late, of another topic and of another number of partitions move nothing', () => {
  const board = createCompleteBoard();
  assert.equal(board.throughAt(TOPIC, [9n, 9n]), undefined);
  for (const partition of [0, 1]) board.take(mark(partition, 100, 5n));
  board.take(mark(1, 90, 3n));
  assert.equal(board.throughAt(TOPIC, [5n, 5n]), 100);
  assert.equal(board.throughAt(TOPIC, [5n, 4n]), undefined);
  assert.equal(board.throughAt(TOPIC, [5n, undefined]), undefined);
  board.take(mark(0, 900, 5n, { partitionCount: 3 }));
  assert.equal(board.throughAt(TOPIC, [5n, 5n]), 100);
  assert.equal(
    board.throughAt(TOPIC, [5n, 5n, 0n]),
    undefined,
    'of a partition that is new nothing is known',
  );
  assert.equal(board.throughAt('another', [5n, 5n]), undefined);
});

test('a reader that is behind is complete up to the mark that it has come to', () => {
  const board = createCompleteBoard();
  for (const [throughMs, offset] of [
    [100, 1n],
    [200, 5n],
    [300, 5n],
    [400, 9n],
  ] as const) {
    for (const partition of [0, 1]) board.take(mark(partition, throughMs, offset));
  }
  const at = (offset: bigint) => board.throughAt(TOPIC, [9n, offset]);
  assert.deepEqual([at(0n), at(1n), at(4n), at(5n), at(8n), at(9n)], [undefined, 100, 100, 300, 300, 400]);
});
