import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRejectionJudge, type RejectionPromise } from './rejection-judge.ts';
import type { EventStepKind, RejectionStep } from './rejection-step.ts';
import { createSoakLog } from './soak-log.ts';

const log = createSoakLog();
/** Two orders in turns: 0, 2, 4, 6 are of one, 1, 3, 5, 7 of the other. */
for (let event = 0; event < 8; event += 1) log.append(event % 2);

const step = (kind: EventStepKind, event: number, attempt = 0): RejectionStep => ({
  ...{ kind, event, attempt, consumer: 'a' },
});
const done = (event: number, attempt = 0): RejectionStep[] => [
  step('delivered', event, attempt),
  step('handled', event, attempt),
  step('stored', event, attempt),
];

/** Event 2 is rejected twice, 3 is set aside; 4 and 6 wait for the one, 5 and 7 for the other. */
const CORRECT: readonly RejectionStep[] = [
  ...[...done(0), ...done(1), step('delivered', 2), step('delivered', 3), step('delivered', 4)],
  ...[
    step('rejecting', 2),
    step('rejecting', 3),
    step('held', 2),
    step('set aside', 3),
    step('delivered', 2, 2),
    step('rejecting', 2),
    step('held', 2),
    step('delivered', 2, 3),
  ],
  ...[step('handled', 2, 3), step('delivered', 2, 3), step('stored', 2, 3), ...done(4)],
  ...[{ kind: 'requeueing', order: 1 } as const, ...done(3, 2), { kind: 'requeued', order: 1 } as const],
  ...[...done(5), step('begun', 6), step('handled', 6), ...done(7)],
];

function broken(steps: readonly RejectionStep[]): string[] {
  const judge = createRejectionJudge(log);
  for (const each of steps) judge.take(each);
  return judge.violations(true).map(({ promise }) => promise);
}

const without = (isLeftOut: (step: RejectionStep) => boolean) => CORRECT.filter((each) => !isLeftOut(each));
const of = (event: number) => (each: RejectionStep) => 'event' in each && each.event === event;
/** The n-th step comes right after the m-th. */
const moved = (from: number, to: number) => {
  const [taken] = CORRECT.slice(from);
  const rest = CORRECT.toSpliced(from, 1);
  return taken ? rest.toSpliced(to, 0, taken) : rest;
};
const at = (kind: RejectionStep['kind'], event: number) =>
  CORRECT.findIndex((each) => each.kind === kind && of(event)(each));

test('an operator may ask for what is set aside before its client is told', () => {
  const asked = CORRECT.filter((each) => 'order' in each);
  const rest = without((each) => 'order' in each);
  const told = rest.findIndex(({ kind }) => kind === 'set aside');
  assert.deepEqual(broken(rest.toSpliced(told, 0, ...asked)), []);
});

test('work that is rejected, held, set aside, requeued and handled as promised breaks nothing', () => {
  assert.deepEqual(broken(CORRECT), []);
});

const FLAWS: Readonly<Record<string, readonly [RejectionPromise, readonly RejectionStep[]]>> = {
  'an event is removed': ['handled', without(of(5))],
  'an event is never handled': ['handled', without((each) => each.kind === 'handled' && of(7)(each))],
  'two events of an order are swapped': [
    'ordered',
    CORRECT.map((each) =>
      'event' in each && (each.event === 4 || each.event === 6) ? { ...each, event: 10 - each.event } : each,
    ),
  ],
  'a later event comes first': ['arrived', moved(at('delivered', 5), at('delivered', 3))],
  'a later event is handled first': ['ordered', moved(at('handled', 4), at('handled', 2))],
  'an event overtakes a held one': ['held', moved(at('delivered', 4), at('held', 2) + 1)],
  'what was sent with it comes once more before it': [
    'held',
    CORRECT.toSpliced(at('held', 2) + 1, 0, step('delivered', 4)),
  ],
  'what was set aside comes by itself': ['waits', without((each) => 'order' in each)],
  'an operator asked before it was set aside': [
    'waits',
    [...CORRECT.filter((each) => 'order' in each), ...without((each) => 'order' in each)],
  ],
  'a stored event is doubled': ['settled', [...CORRECT, step('delivered', 4)]],
  'a rejected event is doubled after it was stored': ['settled', [...CORRECT, step('delivered', 2, 4)]],
  'a rejection is forgotten': [
    'counted',
    CORRECT.map((each) => ('event' in each && each.attempt === 3 ? { ...each, attempt: 2 } : each)),
  ],
};

for (const [flaw, [promise, steps]] of Object.entries(FLAWS)) {
  test(`it is seen when ${flaw}: not ${promise}`, () => {
    const found = broken(steps);
    assert.ok(found.includes(promise), `only ${found.join() || 'nothing'} is seen`);
  });
}
