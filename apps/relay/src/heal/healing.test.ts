import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { readBack } from '../../../../packages/messaging/src/publish/read-back.ts';
import { remembered } from '../../../../packages/outbox/src/history/checkpoint-history.ts';
import { takeUpPoint } from '../../../../packages/outbox/src/history/take-up-point.ts';
import type { HealingAction, HealingFaults } from '../../testing/healing-broker.ts';
import { createHealingWorld } from '../../testing/healing-world.ts';
import { nextCheckpoint } from '../run/next-checkpoint.ts';

// Histories of one partition whose log loses its end, its beginning, or all of itself, under relays that are killed in the middle of
// what they do and take it over from each other while the former ones do not know it yet.

const weights: Readonly<Record<HealingAction['kind'], number>> = {
  commit: 10,
  'take over': 2,
  work: 24,
  renew: 6,
  kill: 1,
  cut: 2,
  recreate: 1,
  expire: 1,
  wait: 4,
  'claim in vain': 1,
};
const kinds = (Object.keys(weights) as HealingAction['kind'][]).map((kind) => ({
  weight: weights[kind],
  arbitrary: fc.constant(kind),
}));
const action: fc.Arbitrary<HealingAction> = fc.record({
  kind: fc.oneof(...kinds),
  owner: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 2 }) }),
  pick: fc.nat({ max: 9 }),
});
const history = fc.array(action, { minLength: 20, maxLength: 120, size: 'max' });

async function run(actions: readonly HealingAction[], faults?: HealingFaults): Promise<void> {
  const world = createHealingWorld(faults);
  for (const each of actions) await world.act(each);
  await world.settle();
}

const RUNS = Number(process.env['HEALING_HISTORIES'] ?? 300);

test('whatever a log loses, what is missing is published again, once and in order, or told to be lost', async () => {
  await fc.assert(
    fc.asyncProperty(history, (actions) => run(actions)),
    { numRuns: RUNS },
  );
});

const mutants: Readonly<Record<string, HealingFaults>> = {
  'goes on from where it was': {
    takeUp: (present, log) => ({ ...takeUpPoint({ ...present, history: [] }, log), heals: 'whole' }),
  },
  'takes the newest checkpoint, whatever the log has': {
    takeUp: (present, log) =>
      takeUpPoint(present, { ...log, eventAt: () => present.history?.at(-1)?.mark.last?.eventId }),
  },
  'takes a log for whole that is long enough': {
    back: (reader, log, signal) => readBack(reader, { ...log, mark: undefined }, signal),
  },
  'takes a checkpoint for one of the log when it is long enough': {
    takeUp: (present, log) =>
      takeUpPoint(present, {
        ...log,
        eventAt: (offset) =>
          [present, ...(present.history ?? [])].find(
            ({ mark }) => mark?.last?.offset === offset && offset < log.endOffset,
          )?.mark?.last?.eventId,
      }),
  },
  'does not tell topics apart': {
    takeUp: (present, log) => takeUpPoint(present, { ...log, topicId: present.mark?.topicId ?? log.topicId }),
  },
  'keeps checkpoints of what was lost': {
    takeUp: (present, log) => {
      const point = takeUpPoint(present, log);
      return { ...point, checkpoint: { ...point.checkpoint, history: present.history } };
    },
  },
  'keeps the mark that it began with': {
    next: (former, cursor, writer, nowMs) => {
      const present = nextCheckpoint(former, cursor, writer, nowMs);
      const mark = former.mark ?? present.mark;
      return { ...present, mark };
    },
  },
  'appends to whatever log answers': { unchecked: true },
  'does not read back what is left': {
    back: async (reader, log, signal) => ({ ...(await readBack(reader, log, signal)), ids: new Set() }),
  },
};

/** The same histories each time. */
const SEED_OF_MUTANTS = 1;

for (const [name, faults] of Object.entries(mutants)) {
  test(`found: ${name}`, async () => {
    await assert.rejects(
      fc.assert(
        fc.asyncProperty(history, (actions) => run(actions, faults)),
        { numRuns: 5_000, endOnFailure: true, seed: SEED_OF_MUTANTS },
      ),
    );
  });
}

test('checkpoints are kept close together while they are young, few in all, and for a day', () => {
  const second = 1_000;
  let kept: Parameters<typeof remembered>[0] = [];
  for (let now = 0; now <= 3 * 86_400; now += 7) {
    const last = { offset: BigInt(now), eventId: String(now) };
    const cursor = { snapshot: String(now) };
    kept = remembered(kept, {
      cursor,
      logOffset: last.offset + 1n,
      mark: { topicId: 't', last },
      atMs: now * second,
    });
  }
  const ages = kept.map(({ atMs }) => (3 * 86_400 * second - atMs) / second).toReversed();
  assert.ok(ages.length <= 32, String(ages));
  assert.ok(ages[0]! <= 20 && ages.at(-1)! >= 86_400 && ages.at(-1)! <= 200_000, String(ages));
  ages.reduce((younger, older) => {
    assert.ok(older - younger <= Math.max(30, 1.1 * younger + 30), `${younger} ${older}`);
    return older;
  });
});
