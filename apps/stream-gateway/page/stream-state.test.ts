import assert from 'node:assert/strict';
import test from 'node:test';
import type { WatchOrdersResponse } from '@order-events/order-stream';
import { createStreamState } from './stream-state.js';

const NOW_MS = 1_700_000_000_000;
const message = (signal?: WatchOrdersResponse['signal']) => ({ events: [], resumeToken: 'token', signal });
const started = message({ $case: 'started', value: { watcherId: 'w', heartbeatInterval: undefined } });
const caughtUp = message({
  $case: 'caughtUp',
  value: { serverTime: undefined, completeThroughTime: undefined },
});

function liveState() {
  const state = createStreamState();
  for (const each of [started, caughtUp]) state.note(each, NOW_MS);
  assert.deepEqual(state.headline(), { level: 'good', text: 'Live' });
  assert.deepEqual(state.troubles(NOW_MS), []);
  return state;
}

test('what is wrong is said for as long as it is', () => {
  const state = liveState();
  const change = { changeTime: new Date(NOW_MS) };
  state.note(message({ $case: 'sourceStateChanged', value: { available: false, ...change } }), NOW_MS);
  assert.match(state.headline().text, /lost Kafka/);
  assert.match(state.troubles(NOW_MS).join(), /cannot reach Kafka since .*Nothing is lost/);
  state.note(message({ $case: 'sourceStateChanged', value: { available: true, ...change } }), NOW_MS);
  assert.equal(state.headline().text, 'Live');

  state.note(message({ $case: 'fellBehind', value: { backlogEvents: 700n } }), NOW_MS);
  assert.equal(state.headline().text, 'Catching up');
  assert.match(state.troubles(NOW_MS).join(), /700 events behind/);
  state.note(caughtUp, NOW_MS);
  assert.deepEqual(state.troubles(NOW_MS), []);

  state.note(message({ $case: 'draining', value: { reconnectDelay: undefined } }), NOW_MS);
  assert.match(state.headline().text, /drains/);
  state.interrupted(new Error('it is away'), NOW_MS + 2_000);
  assert.deepEqual(state.headline(), { level: 'bad', text: 'The stream is lost; reconnecting' });
  assert.deepEqual(state.troubles(NOW_MS), [
    'The stream is lost and begins again in 2 s, where it stood: it is away',
  ]);
  state.note(started, NOW_MS);
  state.note(caughtUp, NOW_MS);
  assert.deepEqual([state.headline().text, state.troubles(NOW_MS)], ['Live', []]);
  assert.match(state.troubles(NOW_MS + 7_000).join(), /Nothing has come for 7 s/);

  state.refused(new Error('no token'));
  assert.deepEqual(state.troubles(NOW_MS), ['The gateway refused: no token']);
});

test('a gap is told for ten minutes, with how much is missing', () => {
  const state = liveState();
  state.note(message({ $case: 'gap', value: { fromToken: '', missedEvents: 12n } }), NOW_MS);
  assert.match(state.troubles(NOW_MS).join(), /a gap at .*up to 12 events were missed/);
  const laterMs = NOW_MS + 10 * 60_000;
  state.note(caughtUp, laterMs);
  assert.deepEqual(state.troubles(laterMs), []);
});

test('the completeness mark is that of the last message that could have one, and not known while the stream is lost', () => {
  const state = liveState();
  assert.equal(state.completeThrough(), undefined);
  const completeThroughTime = new Date(NOW_MS - 300);
  const value = { serverTime: undefined, backlogEvents: 0n, completeThroughTime };
  state.note(message({ $case: 'heartbeat', value }), NOW_MS);
  assert.equal(state.completeThrough(), completeThroughTime);
  state.note(message(), NOW_MS);
  assert.equal(state.completeThrough(), completeThroughTime);
  state.interrupted(new Error('away'), NOW_MS);
  assert.equal(state.completeThrough(), undefined);
});
