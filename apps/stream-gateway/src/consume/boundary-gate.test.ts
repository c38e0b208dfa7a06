import assert from 'node:assert/strict';
import test from 'node:test';
import type { TopicLayout } from '@order-events/messaging';
import { eventually } from '../../../../test/harness/index.ts';
import { createTestGroup, openConsumer } from '../../testing/consumed-log.ts';
import { orderEvent } from '../../testing/order-events.ts';
import { createWatchedLog } from '../../testing/watched-log.ts';
import { createEventFilter } from '../log/event-filter.ts';
import type { ConsumeMessage } from './consume-message.ts';

/** Keys moved among all three partitions, after the first event of partitions 0 and 1. */
const LAYOUT: TopicLayout = [{ formerCount: 2, count: 3, ends: [1n, 1n], changedAt: new Date(0) }];
const WANTED = 'customer-1';

const offsets = ({ events }: ConsumeMessage) =>
  events.map(({ partition, offset }) => `${partition}/${offset}`).toSorted();

/** A member with these partitions, of which partitions 0 and 1 have an event before the boundary and all three one beyond. */
async function openMember(partitions: readonly number[], first = WANTED) {
  const given = createWatchedLog();
  given.log.setLayout(LAYOUT);
  given.open();
  given.append(0, [orderEvent({ customerId: first }), orderEvent()]);
  given.append(1, [orderEvent(), orderEvent()]);
  given.append(2, [orderEvent()]);
  const group = createTestGroup();
  const filter = createEventFilter({ statuses: [], orderIds: [], customerIds: [WANTED], eventTypes: [] });
  const stream = openConsumer(given, group, { filter });
  group.assign(0, 1, 2);
  await stream.signal('started');
  await stream.signal('assignment changed');
  const metadata = group.committed.get(0)?.metadata ?? '';
  if (partitions.length < 3) {
    await group.revoke();
    group.assign(...partitions);
    await stream.signal('assignment changed');
  }
  return {
    group,
    stream,
    store: (at: number, offset: bigint) => group.committed.set(at, { offset, metadata }),
  };
}

test('a member gets nothing from beyond a boundary before it has acknowledged what comes first', async () => {
  const { stream } = await openMember([0, 1, 2]);
  const first = await stream.next();
  assert.deepEqual(offsets(first), ['0/0', '1/0']);
  assert.ok(await stream.isSilent());
  stream.acknowledge(first);
  await stream.signal('acknowledged');
  assert.deepEqual(offsets(await stream.next()), ['0/1', '1/1', '2/0']);
  await stream.close();
});

test('a member waits for what another has to acknowledge, and asks Kafka only while it waits', async (t) => {
  const { group, stream, store } = await openMember([2]);
  const asks = t.mock.method(group.groups.offsets, 'fetch');
  assert.ok(await stream.isSilent());
  store(0, 1n);
  assert.ok(await stream.isSilent());
  store(1, 2n);
  assert.deepEqual(offsets(await stream.next()), ['2/0']);
  assert.ok(asks.mock.callCount() > 0);
  asks.mock.resetCalls();
  assert.ok(await stream.isSilent());
  assert.equal(asks.mock.callCount(), 0);
  await stream.close();
});

test('what cannot be asked is asked again', async (t) => {
  const { group, stream, store } = await openMember([2]);
  t.mock.method(group.groups.offsets, 'fetch', () => Promise.reject(new Error('away')), { times: 2 });
  for (const partition of [0, 1]) store(partition, 1n);
  assert.deepEqual(offsets(await stream.next()), ['2/0']);
  await stream.close();
});

test('who passes a boundary without anything to acknowledge stores it at once, since others wait for it', async () => {
  const { group, stream, store } = await openMember([0], 'somebody else');
  store(1, 1n);
  assert.deepEqual(offsets(await stream.next()), ['0/1']);
  const waiting = stream.isSilent();
  // By itself progress past events that were filtered out is stored every five seconds.
  await eventually(() => assert.equal(group.committed.get(0)?.offset, 1n), { deadlineMs: 2_500 });
  await waiting;
  await stream.close();
});
