import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import test from 'node:test';
import { orderEvent } from '../../testing/order-events.ts';
import { createWatchedLog } from '../../testing/watched-log.ts';
import { MAX_PASSED_SILENTLY } from './edge-seats.ts';
import { createEventFilter } from '../log/event-filter.ts';

const FOR_EVER_MS = 1_000_000;

function openSeat(customerIds: string[] = []) {
  const given = createWatchedLog({ partitions: 2, ringBytes: 1 });
  given.open();
  const client = new AbortController();
  const filter = createEventFilter({ statuses: [], orderIds: [], customerIds, eventTypes: [] });
  return { ...given, client, seat: given.sources.seats.open(filter, client.signal) };
}

test('a stream that rests stands at the edge, and from an event on that it wants where the edge was before', async () => {
  const { seat, append, log } = openSeat(['a']);
  const resting = seat.rest(FOR_EVER_MS);
  append(0, [orderEvent({ customerId: 'b' }), orderEvent({ customerId: 'b' })]);
  assert.deepEqual(seat.position().next, [2n, 0n]);
  append(1, [orderEvent({ customerId: 'b' }), orderEvent({ customerId: 'a' })]);
  append(0, [orderEvent({ customerId: 'b' })]);
  await resting;
  assert.equal(seat.takePassed(), 2);
  assert.equal(seat.takePassed(), 0);
  assert.deepEqual(seat.position().next, [2n, 0n]);
  assert.deepEqual(log.edge()?.next, [3n, 2n]);
  seat.close();
});

test('a rest ends with its time or its signal, and leaves no listener', async () => {
  const { seat, client } = openSeat();
  await seat.rest(1);
  await seat.rest(5);
  await seat.rest(1);
  const resting = seat.rest(FOR_EVER_MS);
  client.abort();
  await resting;
  await seat.rest(FOR_EVER_MS);
  seat.close();
  const other = openSeat();
  const interrupted = other.seat.rest(FOR_EVER_MS);
  other.seat.close();
  assert.equal(getEventListeners(other.client.signal, 'abort').length, 0);
  other.append(0, [orderEvent()]);
  assert.ok(interrupted);
});

test('whatever else happens to the log ends all rests, with the edge as it was before', async () => {
  const { seat, log, addPartition, appendUnreadable } = openSeat(['a']);
  const disturbances = [
    () => log.setAvailable(false),
    () => log.wake(),
    () => log.setLayout([]),
    () => log.setReadable(1, false),
    () => appendUnreadable(0, [orderEvent()]),
    () => addPartition(),
    () => log.restart(0, 7n),
    () => log.open('B'.repeat(21) + 'A', new Map([[0, 0n]]), new Map([[0, 0n]])),
  ];
  for (const disturb of disturbances) {
    const before = log.edge();
    const resting = seat.rest(FOR_EVER_MS);
    disturb();
    await resting;
    assert.deepEqual(seat.position().next, before?.next);
    assert.equal(seat.position().topicId, before?.topicId);
  }
  seat.close();
});

test('many events that nobody wanted end a rest', async () => {
  const { seat, append } = openSeat(['a']);
  const resting = seat.rest(FOR_EVER_MS);
  const half = Array.from({ length: MAX_PASSED_SILENTLY / 2 }, () => orderEvent({ customerId: 'b' }));
  append(0, half);
  append(1, half);
  await resting;
  assert.equal(seat.takePassed(), half.length);
  seat.close();
});
