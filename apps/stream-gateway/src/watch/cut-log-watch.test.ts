import assert from 'node:assert/strict';
import test from 'node:test';
import { orderEvent } from '../../testing/order-events.ts';
import { createWatchedLog, type OpenWatch } from '../../testing/watched-log.ts';
import type { WatchMessage } from './watch-message.ts';

/** Takes whatever comes, up to the first message for which `isLast` answers true. */
async function take(stream: OpenWatch, isLast: (message: WatchMessage) => boolean): Promise<WatchMessage[]> {
  const taken: WatchMessage[] = [];
  for (;;) {
    const message = await stream.next();
    taken.push(message);
    if (isLast(message)) return taken;
  }
}

const eventIds = (messages: readonly WatchMessage[]) =>
  messages.flatMap(({ events }) => events.map(({ eventId }) => eventId));

test('a stream that begins anew in a log that was cut waits until reading has met the cut in every partition', async () => {
  const given = createWatchedLog({ partitions: 2 });
  given.open();
  const stream = given.watch({ allowGap: true, heartbeatMs: 5 });
  for (const partition of [0, 1]) given.append(partition, [orderEvent(), orderEvent(), orderEvent()]);
  await take(stream, ({ signal }) => signal?.kind === 'heartbeat' && signal.backlogEvents === 0n);

  for (const partition of [0, 1]) given.truncate(partition, 0);
  const asked = given.timesAsked();
  given.meetCut(0);
  const before = await take(stream, ({ events }) => events.length > 0 || given.timesAsked() > asked + 1);
  given.meetCut(1);
  const fresh = [orderEvent(), orderEvent()];
  for (const partition of [0, 1]) given.append(partition, [fresh[partition]!]);
  const after = await take(stream, ({ events }) => events.some(({ partition }) => partition === 1));

  const all = [...before, ...after];
  assert.deepEqual(eventIds(all).toSorted(), fresh.map(({ eventId }) => eventId).toSorted());
  assert.equal(all.filter(({ signal }) => signal?.kind === 'gap').length, 1);
  await stream.close();
});
