import assert from 'node:assert/strict';
import test from 'node:test';
import { StreamError } from '../stream-error.ts';
import { createWatchRegistry } from './watch-registry.ts';

function createWatches(maxWatches = 1_000) {
  let drains = 0;
  const watches = createWatchRegistry({ maxWatches, onDrain: () => (drains += 1) });
  return { watches, drains: () => drains };
}

test('no more streams than allowed', () => {
  const { watches } = createWatches(2);
  const first = watches.add('a');
  watches.add('b');
  assert.throws(
    () => watches.add('c'),
    (error) => error instanceof StreamError && error.reason === 'TOO_MANY_WATCHERS',
  );
  watches.remove(first);
  assert.equal(watches.add('c').peer, 'c');
});

test('streams are counted by their state, and as blocked when their client takes nothing', () => {
  const { watches } = createWatches();
  watches.add('a');
  watches.add('b').state = 'live';
  const writing = watches.add('c');
  writing.state = 'live';
  writing.writingSinceMs = performance.now();
  const blocked = watches.add('d');
  blocked.state = 'live';
  blocked.writingSinceMs = performance.now() - 60_000;
  assert.deepEqual(watches.countByState(), { waiting: 1, 'catching up': 0, live: 2, blocked: 1 });
});

test('the more streams, the longer the time over which they end, up to the limit', () => {
  const few = createWatches();
  few.watches.add('a');
  few.watches.drain(5_000);
  assert.equal(few.watches.drainWindowMs(), 10);
  assert.equal(few.drains(), 1);

  const many = createWatches();
  for (let index = 0; index < 1_000; index += 1) many.watches.add('a');
  many.watches.drain(5_000);
  assert.equal(many.watches.drainWindowMs(), 5_000);
});

test('it says when the last stream has ended', async () => {
  const { watches } = createWatches();
  await watches.whenEmpty();
  const [first, second] = [watches.add('a'), watches.add('b')];
  let isEmpty = false;
  const empty = watches.whenEmpty().then(() => (isEmpty = true));
  watches.remove(first);
  await Promise.resolve();
  assert.equal(isEmpty, false);
  watches.remove(second);
  await empty;
});
