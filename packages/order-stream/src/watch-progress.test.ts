import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { OrderEvent, WatchOrdersResponse } from './gen/orders/v1/order_stream.ts';
import { createWatchProgress } from './watch-progress.ts';

const [ONE, OTHER] = ['019a0000-0000-7000-8000-000000000001', '019a0000-0000-7000-8000-000000000002'];
const position = (ms: number, version: number, orderId = ONE) => `${ms}.${version}.${orderId}`;
const told = (orderId: string, orderVersion: bigint) =>
  WatchOrdersResponse.fromPartial({ events: [OrderEvent.fromPartial({ orderId, orderVersion })] });
const heartbeat = (ms?: number) =>
  WatchOrdersResponse.fromPartial({
    signal: {
      $case: 'heartbeat',
      value: ms === undefined ? {} : { completeThroughTime: new Date(ms) },
    },
  });

/** Answers whether it has been resolved by now. */
function settled(promise: Promise<unknown>): () => Promise<boolean> {
  let is = false;
  promise.then(
    () => (is = true),
    () => undefined,
  );
  return async () => {
    await nextTurn();
    return is;
  };
}

test('a write is come to with its event in that version or a later one, before it is waited for or after', async () => {
  const progress = createWatchProgress();
  const isDone = settled(progress.waitFor(position(1_000, 2)));
  progress.handled(told(OTHER, 9n));
  progress.handled(told(ONE, 1n));
  assert.equal(await isDone(), false);
  progress.handled(told(ONE, 3n));
  assert.equal(await isDone(), true);
  await progress.waitFor(position(9_000, 3));
});

test('without its event it is come to when everything up to its time was told, and that never goes back', async () => {
  const progress = createWatchProgress();
  const isDone = settled(progress.waitFor(position(1_000, 2)));
  assert.equal(progress.completeThroughTime(), undefined);
  progress.handled(heartbeat());
  progress.handled(heartbeat(999));
  assert.equal(await isDone(), false);
  progress.handled(heartbeat(1_000));
  assert.equal(await isDone(), true);
  progress.handled(heartbeat(500));
  assert.deepEqual(progress.completeThroughTime(), new Date(1_000));
});

test('waiting ends with the watch and with the signal; what is no position is refused', async () => {
  const progress = createWatchProgress();
  const abort = new AbortController();
  const given = progress.waitFor(position(1_000, 2), abort.signal);
  abort.abort(new Error('given up'));
  await assert.rejects(given, /given up/);
  const ended = progress.waitFor(position(1_000, 2));
  progress.ended();
  await assert.rejects(ended, /the watch has ended/);
  await assert.rejects(progress.waitFor('v3'), /TypeError: not a position: v3; give what/);
});
