import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { keyHash } from '@order-events/messaging';
import { createOutboxState, type OutboxState } from '../../apps/outboxctl/testing/outbox-state.ts';
import { changeOrder, createHotOrders } from '../../packages/outbox/testing/outbox-workload.ts';
import { eventually, startApp } from '../harness/index.ts';
import { alterTopic } from '../harness/topic-settings.ts';

/** Waits until the audit finds all committed events in the topic; answers what it found. */
function untilPublished(state: OutboxState, events: number) {
  return eventually(async () => {
    const { code, json, stderr } = await state.runJson('verify');
    assert.equal(json.published, events, stderr);
    return { code, json };
  });
}

test('an operator pauses a partition, resumes it, publishes a key again, and the audit agrees each time', async (t) => {
  const state = await createOutboxState(t);
  await startApp(t, 'relay', state.env);
  const orderIds = await createHotOrders(state.pool, 6);
  for (const orderId of [...orderIds, ...orderIds]) await changeOrder(state.pool, orderId);
  await untilPublished(state, 12);
  const healthy = await state.run('status');
  assert.equal(healthy.code, 0, healthy.stdout);

  const [paused = ''] = orderIds;
  const partition = keyHash(paused) % 12;
  const others = orderIds.filter((orderId) => keyHash(orderId) % 12 !== partition);
  const pause = await state.runJson('pause', String(partition));
  assert.deepEqual(
    [pause.code, pause.json],
    [0, { partitions: [partition], changed: [partition], idle: true }],
  );
  for (const orderId of orderIds) await changeOrder(state.pool, orderId);
  const whilePaused = await untilPublished(state, 12 + others.length);
  assert.deepEqual([whilePaused.code, whilePaused.json.pending], [0, orderIds.length - others.length]);
  assert.equal((await state.run('resume')).code, 0);
  await untilPublished(state, 18);

  await untilPlanned(state, 3, '--key', paused);
  const replay = await state.runJson('replay', '--key', paused, '--yes');
  assert.deepEqual([replay.code, replay.json.events, replay.json.published_events], [0, 3, 3], replay.stderr);
  const { code, json } = await untilPublished(state, 18);
  assert.deepEqual([code, json.replayed_records, json.topic_records, json.doubled], [0, 3, 21, 0]);
});

test('a key that Kafka refuses is shown, requeued in order once Kafka takes it, or given up in part', async (t) => {
  const state = await createOutboxState(t);
  await alterTopic(state, 'max.message.bytes', '2000');
  await startApp(t, 'relay', state.env);
  const [mended = '', given = '', other = ''] = await createHotOrders(state.pool, 3);
  const refused = await Promise.all([appendLarge(state, mended), appendLarge(state, given)]);
  for (const orderId of [mended, given, other]) await changeOrder(state.pool, orderId);
  const list = await eventually(async () => {
    const { code, json } = await state.runJson('parked', 'list');
    assert.deepEqual([code, json.total_keys, json.total_events], [0, 2, 4]);
    return json;
  });
  assert.deepEqual(
    list.keys.map((key: { first_event_id: string }) => key.first_event_id).sort(),
    refused.sort(),
  );
  assert.match(list.keys[0].cause, /too.?large/i);
  assert.equal((await state.run('status')).code, 1);

  const tooSoon = await state.runJson('parked', 'requeue', '--key', mended);
  assert.deepEqual([tooSoon.code, tooSoon.json.parked_events], [1, 2]);
  const discard = await state.runJson(
    'parked',
    'discard',
    refused.find((id) => isOf(list, id, given))!,
    '--yes',
  );
  assert.deepEqual([discard.code, discard.json.discarded_events, discard.json.parked_events], [0, 1, 1]);
  assert.equal((await state.run('parked', 'requeue', '--key', given)).code, 0);
  await alterTopic(state, 'max.message.bytes', '1000000');
  await eventually(async () => assert.equal((await state.run('parked', 'requeue', '--key', mended)).code, 0));
  const { code, json } = await untilPublished(state, 4);
  assert.deepEqual([code, json.discarded, json.parked, json.out_of_order, json.doubled], [0, 1, 0, 0, 0]);
  await untilPlanned(state, 4, '--since', '1h');
  const replay = await state.runJson('replay', '--since', '1h', '--yes');
  assert.deepEqual([replay.code, replay.json.events, replay.json.published_events], [0, 4, 4]);
});

/** A plan counts what the relay's last checkpoint covers, which may be a second old. */
async function untilPlanned(state: OutboxState, events: number, ...choice: string[]): Promise<void> {
  await eventually(async () => {
    const plan = await state.runJson('replay', ...choice, '--dry-run');
    assert.equal(plan.json.events, events);
  });
}

function isOf(
  list: { keys: { key: string; first_event_id: string }[] },
  eventId: string,
  key: string,
): boolean {
  return list.keys.some((parked) => parked.first_event_id === eventId && parked.key === key);
}

async function appendLarge({ pool }: OutboxState, key: string): Promise<string> {
  const eventId = randomUUID();
  await pool.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload) VALUES ($1, $2, $3, 'order.updated', $4)`,
    [key, keyHash(key), eventId, JSON.stringify({ order_id: key, note: randomBytes(5_000).toString('hex') })],
  );
  return eventId;
}
