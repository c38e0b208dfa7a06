import assert from 'node:assert/strict';
import { test } from 'node:test';
import { searchRuns, type RunMachine } from '../../testing/partition-run-search.ts';
import * as runState from './partition-run-state.ts';

test('whatever happens to a partition, in every order, no rule is broken', (t) => {
  const { states, broken } = searchRuns(runState);
  assert.equal(broken, undefined);
  assert.ok(states > 500, `only ${states} states`);
  t.diagnostic(`${states} states`);
});

/** Slips that somebody could make, each with what the search must say of it. */
const MUTANTS: Readonly<Record<string, readonly [Partial<RunMachine>, RegExp]>> = {
  'a claim that takes what is parked for known': [
    { claimed: (state) => ({ ...runState.claimed(state), phase: 'publishing', attendedLast: true }) },
    /publishes before it knows what is parked/,
  ],
  'operators that come first each time': [
    {
      nextStep: (state, ahead) => {
        const step = runState.nextStep(state, ahead);
        return step === 'deliver' && state.attentionWanted ? 'attend' : step;
      },
    },
    /attended to again while pages wait/,
  ],
  'pages that come first each time': [
    {
      nextStep: (state, ahead) => {
        const step = runState.nextStep(state, ahead);
        return step === 'attend' && state.phase === 'publishing' && !ahead.isEmpty ? 'deliver' : step;
      },
    },
    /page after page while operators wait/,
  ],
  'a request that is forgotten because it came meanwhile': [
    { attended: (state, result) => ({ ...runState.attended(state, result), attentionWanted: false }) },
    /./,
  ],
  'an answer that brings an old claim back': [
    { delivered: (state, result) => ({ ...state, phase: result === 'published' ? 'publishing' : 'held' }) },
    /./,
  ],
  'a page that is dropped when it is held': [
    {
      nextStep: (state, ahead) => {
        const step = runState.nextStep(state, ahead);
        if (step !== 'deliver again') return step;
        return ahead.isEmpty ? 'wait' : 'deliver';
      },
    },
    /waits although|publishes page/,
  ],
  'a drain that drops what was read': [
    {
      nextStep: (state, ahead) =>
        state.draining === 'window' && ahead.isAtWindowEnd ? 'end' : runState.nextStep(state, ahead),
    },
    /ends before what it was to finish/,
  ],
  'a drain that begins one window after the other': [
    {
      mayRead: (state, ahead) => runState.mayRead({ ...state, draining: undefined }, ahead, true),
    },
    /begins a window/,
  ],
  'reading behind a page that is held': [
    { mayRead: (state) => state.phase !== 'unclaimed' && state.draining === undefined },
    /reads while it is held/,
  ],
  'a drain that waits for a claim': [
    {
      nextStep: (state, ahead) => (state.phase === 'unclaimed' ? 'claim' : runState.nextStep(state, ahead)),
    },
    /although it is to end/,
  ],
};

for (const [name, [slip, expected]] of Object.entries(MUTANTS)) {
  test(`the search finds ${name}`, () => {
    assert.match(searchRuns({ ...runState, ...slip }).broken ?? 'nothing', expected);
  });
}
