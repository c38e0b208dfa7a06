import assert from 'node:assert/strict';
import test from 'node:test';
import { createTestWire, newWatch } from '../../testing/test-wire.ts';
import { StreamError } from './stream-error.ts';
import type { WatchLimits } from './watch-limits.ts';
import { createWatchRegistry } from './watch-registry.ts';

const NO_LIMITS = {
  ofProcess: Infinity,
  ofConnection: Infinity,
  ofPrincipal: Infinity,
  requestBytes: Infinity,
};

function createWatches(limits: Partial<WatchLimits> = {}) {
  let drains = 0;
  const watches = createWatchRegistry({
    limits: { ...NO_LIMITS, ...limits },
    onDrain: () => (drains += 1),
    onRefused: () => {},
    onEnded: () => {},
  });
  return { watches, drains: () => drains };
}

test('no more streams than allowed', () => {
  const { watches } = createWatches({ ofProcess: 2 });
  const first = watches.add(newWatch());
  watches.add(newWatch());
  assert.throws(
    () => watches.add(newWatch()),
    (error) => error instanceof StreamError && error.reason === 'TOO_MANY_WATCHERS',
  );
  watches.remove(first);
  assert.equal(watches.add(newWatch({ peer: '127.0.0.1:3' })).peer, '127.0.0.1:3');
});

test('no more streams of one connection, nor of one address, than allowed', () => {
  const { watches } = createWatches({ ofConnection: 2, ofPrincipal: 3 });
  const refusal = (peer: string) => {
    try {
      watches.add(newWatch({ peer }));
      return undefined;
    } catch (error) {
      return error instanceof StreamError ? error.reason : error;
    }
  };
  const first = watches.add(newWatch({ peer: '10.0.0.1:1' }));
  assert.equal(refusal('10.0.0.1:1'), undefined);
  assert.equal(refusal('10.0.0.1:1'), 'TOO_MANY_STREAMS_OF_CONNECTION');
  assert.equal(refusal('10.0.0.1:2'), undefined);
  assert.equal(refusal('10.0.0.1:2'), 'TOO_MANY_STREAMS_OF_PRINCIPAL');
  assert.equal(refusal('::1:1'), undefined);
  watches.remove(first);
  watches.remove(first);
  assert.equal(refusal('10.0.0.1:1'), undefined);
  assert.equal(refusal('10.0.0.1:2'), 'TOO_MANY_STREAMS_OF_PRINCIPAL');
});

test('streams are counted by their state, and as blocked when their client takes nothing', () => {
  const { watches } = createWatches();
  watches.add(newWatch());
  watches.add(newWatch()).state = 'live';
  const writing = createTestWire();
  writing.block(performance.now());
  watches.add(newWatch({ wire: writing })).state = 'live';
  const blocked = createTestWire();
  blocked.block(performance.now() - 60_000);
  watches.add(newWatch({ wire: blocked })).state = 'live';
  assert.deepEqual(watches.countByState(), { waiting: 1, 'catching up': 0, live: 2, blocked: 1 });
});

test('the more streams, the longer the time over which they end, up to the limit', () => {
  const few = createWatches();
  few.watches.add(newWatch());
  few.watches.drain(5_000);
  assert.equal(few.watches.drainWindowMs(), 10);
  assert.equal(few.drains(), 1);

  const many = createWatches();
  for (let index = 0; index < 1_000; index += 1) many.watches.add(newWatch());
  many.watches.drain(5_000);
  assert.equal(many.watches.drainWindowMs(), 5_000);
});

test('it says when the last stream has ended', async () => {
  const { watches } = createWatches();
  await watches.whenEmpty();
  const [first, second] = [watches.add(newWatch()), watches.add(newWatch())];
  let isEmpty = false;
  const empty = watches.whenEmpty().then(() => (isEmpty = true));
  watches.remove(first);
  await Promise.resolve();
  assert.equal(isEmpty, false);
  watches.remove(second);
  await empty;
});

test('a stream is ended from outside once, with the token after what its client can have got', () => {
  const { watches } = createWatches();
  const wire = createTestWire();
  const watch = watches.add(newWatch({ wire }));
  assert.equal(watches.find(watch.id), watch);
  assert.equal(watch.handedOverToken(), undefined);
  for (const token of ['a', 'b', 'c', 'd']) watch.sending(2, token);
  wire.take(2);
  assert.equal(watch.handedOverToken(), 'b');
  watch.sending(1, 'e');
  assert.equal(watch.handedOverToken(), 'b');
  assert.equal(watch.deliveredEvents(), 9);

  watches.end(watch, 'SLOW_CONSUMER', 'too slow', { lag_events: '7' });
  watches.end(watch, 'CLOSED_BY_OPERATOR', 'closed');
  const [error, ...more] = wire.ends();
  assert.deepEqual(more, []);
  assert.deepEqual(error?.details, { lag_events: '7', resume_token: 'b' });
  assert.equal(watch.endedBy, error);
});
