import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { keyHash } from '@order-events/messaging';
import { sendUnreadable } from '../../../packages/messaging/testing/unreadable-batches.ts';
import { deleteRecords } from '../../../test/harness/topic-admin.ts';
import {
  appendEvents,
  coverAll,
  createOutboxState,
  park,
  produce,
  type OutboxState,
  writePartitions,
} from '../testing/outbox-state.ts';

/** Keys of one partition each, of a topic with two. */
const [EVEN = '', ODD = ''] = [0, 1].map(
  (partition) =>
    Array.from({ length: 100 }, (_, n) => `order-${n}`).find((key) => keyHash(key) % 2 === partition) ?? '',
);

async function setUp(t: TestContext): Promise<OutboxState> {
  const state = await createOutboxState(t, 2);
  await writePartitions(state, 'relay-1');
  return state;
}

test('each event of the outbox is in one state, and pending, parked and discarded ones are no fault', async (t) => {
  const state = await setUp(t);
  const [published, parked, discarded] = await appendEvents(state, [EVEN, EVEN, ODD]);
  await park(state, parked!, 'too large');
  await park(state, discarded!, 'too large');
  assert.equal((await state.run('parked', 'discard', discarded!.eventId, '--yes')).code, 0);
  await coverAll(state);
  const [ahead] = await appendEvents(state, [ODD, ODD]);
  await produce(state, [published!, ahead!]);
  const { code, json } = await state.runJson('verify');
  assert.equal(code, 0);
  const { ok, published: found, parked: waiting, discarded: gone, pending, expired, missing } = json;
  assert.deepEqual([ok, found, waiting, gone, pending, expired, missing], [true, 2, 1, 1, 1, 0, 0]);
  assert.deepEqual([json.doubled, json.out_of_order, json.topic_records], [0, 0, 2]);

  const { stdout } = await state.run('verify');
  assert.match(stdout, /^published +2$/m);
  assert.match(stdout, /nothing is missing, doubled or out of order\n$/);
});

test('a covered event that the topic does not hold is missing', async (t) => {
  const state = await setUp(t);
  const [first, lost] = await appendEvents(state, [EVEN, EVEN]);
  await coverAll(state);
  await produce(state, [first!]);
  const { code, json, stderr } = await state.runJson('verify');
  assert.deepEqual([code, json.ok, json.published, json.missing], [1, false, 1, 1]);
  const [{ event_id, key, seq, partition }] = json.samples.missing;
  assert.deepEqual([event_id, key, seq, partition], [lost!.eventId, EVEN, String(lost!.seq), 0]);
  assert.match(stderr, /outboxctl replay/);
  assert.match((await state.run('verify')).stdout, new RegExp(`^${lost!.eventId} +${EVEN} `, 'm'));
});

test('of a window that is read in pages only the pages done must be there', async (t) => {
  const state = await setUp(t);
  const events = await appendEvents(state, [EVEN, EVEN, EVEN]);
  await state.pool.query(
    'UPDATE relay_partition SET page_target = pg_current_snapshot(), page_seq = $1, page_end = $2',
    [events[1]!.seq, events[2]!.seq],
  );
  await produce(state, events.slice(0, 1));
  const { code, json } = await state.runJson('verify');
  assert.deepEqual([code, json.published, json.missing, json.pending], [1, 1, 1, 1]);
});

test('an event that is there twice is doubled; one that was replayed is not', async (t) => {
  const state = await setUp(t);
  const [twice, replayed] = await appendEvents(state, [EVEN, ODD]);
  await coverAll(state);
  await produce(state, [twice!, replayed!, twice!]);
  await produce(state, [replayed!], 'replay-1');
  await produce(state, [replayed!], 'replay-2');
  const { code, json } = await state.runJson('verify');
  assert.deepEqual([code, json.doubled, json.missing, json.replayed_records], [1, 1, 0, 2]);
  assert.deepEqual(json.samples.doubled, [
    { event_id: twice!.eventId, replay_id: null, partitions: [0, 0], log_offsets: ['0', '1'] },
  ]);
  await produce(state, [replayed!], 'replay-2');
  assert.equal((await state.runJson('verify')).json.doubled, 2);
});

test('an event behind a later one of its key is out of order; other keys and replays do not matter', async (t) => {
  const state = await setUp(t);
  const [first, second, other, third] = await appendEvents(state, [EVEN, EVEN, ODD, EVEN]);
  await coverAll(state);
  await produce(state, [other!, second!, first!, third!]);
  await produce(state, [first!, second!], 'replay-1');
  const { code, json } = await state.runJson('verify');
  assert.deepEqual([code, json.out_of_order, json.doubled, json.missing], [1, 1, 0, 0]);
  const [{ event_id, after_seq, log_offset }] = json.samples.out_of_order;
  assert.deepEqual([event_id, after_seq, log_offset], [first!.eventId, String(second!.seq), '1']);
});

test('what the topic has deleted is out of scope, in that partition only', async (t) => {
  const state = await setUp(t);
  const old = await appendEvents(state, [EVEN, ODD]);
  await coverAll(state);
  await produce(state, [old[0]!]);
  const [newer] = await appendEvents(state, [EVEN]);
  await produce(state, [newer!]);
  const [lost] = await appendEvents(state, [EVEN]);
  await coverAll(state);
  await deleteRecords(state, new Map([[0, 1n]]));
  const { code, json } = await state.runJson('verify');
  assert.deepEqual([code, json.published, json.expired, json.missing], [1, 1, 1, 2]);
  assert.deepEqual(
    json.samples.missing.map(({ event_id }: { event_id: string }) => event_id),
    [old[1]!.eventId, lost!.eventId],
  );
});

test('events of the topic without a row, and records of somebody else, are counted and no fault', async (t) => {
  const state = await setUp(t);
  const events = await appendEvents(state, [EVEN, ODD]);
  await coverAll(state);
  await produce(state, [...events, { eventId: 'not a uuid', key: EVEN, seq: 0n }]);
  await state.pool.query('DELETE FROM outbox WHERE event_id = $1', [events[0]!.eventId]);
  const { code, json } = await state.runJson('verify');
  assert.deepEqual([code, json.only_in_topic, json.foreign_records, json.published], [0, 1, 1, 1]);
});

test('a part of the topic that cannot be read is named, and the rest is compared', async (t) => {
  const state = await setUp(t);
  const [before, behind] = await appendEvents(state, [EVEN, EVEN]);
  await coverAll(state);
  await produce(state, [before!]);
  await sendUnreadable({ brokers: state.brokers }, state.topic, 0);
  await produce(state, [behind!]);
  const { code, json } = await state.runJson('verify');
  assert.deepEqual([code, json.published, json.missing], [0, 2, 0]);
  const expected = [{ partition: 0, offset: '1', next_offset: '2', kind: 'too_large' }];
  assert.deepEqual(json.unreadable_batches, expected);
  assert.match((await state.run('verify')).stdout, /^ *0 +1 +2 +too_large$/m);
  assert.deepEqual((await state.runJson('rebase', '--dry-run')).json.unreadable_batches, expected);
});

test('before a relay has found the topic there is nothing to compare', async (t) => {
  const state = await createOutboxState(t, 2);
  const { code, stdout, stderr } = await state.run('verify');
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /no partitions are known yet/);
});
