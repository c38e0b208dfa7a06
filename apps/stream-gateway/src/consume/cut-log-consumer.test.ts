import assert from 'node:assert/strict';
import test from 'node:test';
import { createTestGroup, openConsumer, type OpenConsumer } from '../../testing/consumed-log.ts';
import { orderEvent } from '../../testing/order-events.ts';
import { createWatchedLog } from '../../testing/watched-log.ts';
import type { ConsumeMessage } from './consume-message.ts';

/** Takes whatever comes, up to the first message for which `isLast` answers true. */
async function take(
  stream: OpenConsumer,
  isLast: (message: ConsumeMessage) => boolean,
): Promise<ConsumeMessage[]> {
  const taken: ConsumeMessage[] = [];
  for (;;) {
    const message = await stream.next();
    taken.push(message);
    if (isLast(message)) return taken;
  }
}

test('a member that begins anew in a log that was cut waits until reading has met the cut in every partition', async () => {
  const given = createWatchedLog({ partitions: 2 });
  given.open();
  const group = createTestGroup();
  const stream = openConsumer(given, group, { heartbeatMs: 5 });
  group.assign(0, 1);
  await take(stream, ({ signal }) => signal?.kind === 'assignment changed');
  for (const partition of [0, 1]) {
    given.append(partition, [orderEvent(), orderEvent()]);
    await take(stream, ({ events }) => events.some((event) => event.partition === partition));
  }

  for (const partition of [0, 1]) given.truncate(partition, 0);
  const asked = given.timesAsked();
  given.meetCut(0);
  const before = await take(stream, ({ events }) => events.length > 0 || given.timesAsked() > asked + 1);
  given.meetCut(1);
  const fresh = [orderEvent(), orderEvent()];
  for (const partition of [0, 1]) given.append(partition, [fresh[partition]!]);
  const after = await take(stream, ({ events }) => events.some(({ partition }) => partition === 1));

  const all = [...before, ...after];
  const sent = all.flatMap(({ events }) => events.map(({ eventId }) => eventId));
  assert.deepEqual(sent.toSorted(), fresh.map(({ eventId }) => eventId).toSorted());
  assert.ok(all.some(({ signal }) => signal?.kind === 'gap'));
  await stream.close();
});
