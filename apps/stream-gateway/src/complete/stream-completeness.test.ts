import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCompleteBoard } from '@order-events/messaging';
import { orderEvent } from '../../testing/order-events.ts';
import { createWatchedLog } from '../../testing/watched-log.ts';
import { createStreamCompleteness } from './stream-completeness.ts';

function watchedLog() {
  const board = createCompleteBoard();
  const given = createWatchedLog({ partitions: 2 });
  Object.assign(given.sources, { complete: board });
  const mark = (partition: number, throughMs: number, offset: bigint) =>
    board.take({ topicId: given.topicId, partitionCount: 2, partition, throughMs, offset });
  return { ...given, mark };
}

const throughOf = ({ signal }: { readonly signal?: object }) =>
  signal && 'completeThroughMs' in signal ? signal.completeThroughMs : undefined;

test('a stream is told the time of the partition that is the least complete, with CaughtUp and with heartbeats, and it never goes back', async () => {
  const given = watchedLog();
  given.open();
  given.append(0, [orderEvent()]);
  given.mark(0, 200, 1n);
  given.mark(1, 100, 0n);
  const stream = given.watch({ start: { kind: 'latest' }, heartbeatMs: 10 });
  await stream.next();
  const caughtUp = await stream.next();
  assert.deepEqual(caughtUp.signal, { kind: 'caught up', completeThroughMs: 100 });
  given.mark(1, 300, 0n);
  assert.equal(throughOf(await stream.next()), 200);
  given.mark(0, 400, 2n);
  assert.equal(throughOf(await stream.next()), 200, 'the event at offset 1 has not come yet');
  given.append(0, [orderEvent()]);
  assert.equal((await stream.next()).events.length, 1);
  assert.equal(throughOf(await stream.next()), 300);
  await stream.close();
});

test('events that come without a pause do not keep the time from being told', async () => {
  const given = watchedLog();
  given.open();
  for (const partition of [0, 1]) given.mark(partition, 100, 0n);
  const stream = given.watch({ start: { kind: 'latest' }, heartbeatMs: 20, maxBatchSize: 1 });
  let told: unknown;
  for (let at = 1; told !== 500 && at < 10_000; at += 1) {
    given.append(0, [orderEvent(), orderEvent()]);
    if (at === 3) {
      given.mark(0, 500, 1n);
      given.mark(1, 500, 0n);
    }
    const message = await stream.next();
    if (message.events.length === 0) told = throughOf(message);
  }
  assert.equal(told, 500);
  await stream.close();
});

test('nothing is due while no relay tells anything', () => {
  const completeness = createStreamCompleteness(createCompleteBoard(), () => undefined);
  assert.equal(completeness.isDue(0), false);
  assert.deepEqual(completeness.told({ kind: 'heartbeat', backlogEvents: 0n }), {
    kind: 'heartbeat',
    backlogEvents: 0n,
  });
});
