import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { eventually } from '../../../test/harness/index.ts';
import { appendEvents, createOutboxState, park, writePartitions } from '../testing/outbox-state.ts';
import { startOutboxctl } from '../testing/run-outboxctl.ts';

/** Key `a` with three parked events, of which the first was refused, and key `b` with one. */
async function setUp(t: TestContext) {
  const state = await createOutboxState(t, 2);
  await writePartitions(state, 'relay-1');
  const events = await appendEvents(state, ['a', 'b', 'a', 'a']);
  const [first, other] = events;
  await park(state, first!, 'MESSAGE_TOO_LARGE');
  for (const event of events.slice(2)) await park(state, event, `waits for ${first!.eventId}`);
  await park(state, other!, 'INVALID_RECORD');
  const parkedIds = async () => {
    const { rows } = await state.pool.query<{ event_id: string }>(
      'SELECT event_id FROM parked_event ORDER BY seq',
    );
    return rows.map((row) => row.event_id);
  };
  return { state, ids: events.map(({ eventId }) => eventId), parkedIds };
}

test('list shows each key once, with the event that was refused and why', async (t) => {
  const { state, ids } = await setUp(t);
  const { code, json } = await state.runJson('parked', 'list');
  assert.equal(code, 0);
  assert.deepEqual([json.total_keys, json.total_events], [2, 4]);
  const [a] = json.keys;
  assert.deepEqual([a.key, a.events, a.first_event_id, a.cause], ['a', 3, ids[0], 'MESSAGE_TOO_LARGE']);
  assert.equal(a.requeued_at, null);
  assert.match(a.parked_at, /^\d{4}-\d\d-\d\dT/);

  const { stdout, stderr } = await state.run('parked', 'list', '--limit', '1');
  assert.match(stdout, /^KEY +PARTITION +EVENTS +FIRST EVENT.*\na +\d +3 .*MESSAGE_TOO_LARGE\n$/);
  assert.match(stderr, /1 more: --limit 2 shows all/);
});

test('nothing parked is fine', async (t) => {
  const state = await createOutboxState(t, 1);
  assert.deepEqual(await state.run('parked', 'list'), { code: 0, stdout: 'nothing is parked\n', stderr: '' });
});

test('show tells all about an event, or about those of a key in order', async (t) => {
  const { state, ids } = await setUp(t);
  const one = await state.runJson('parked', 'show', ids[2]!);
  assert.deepEqual([one.code, one.json.events.length], [0, 1]);
  const [event] = one.json.events;
  assert.deepEqual([event.event_id, event.key, event.payload], [ids[2], 'a', '{"order_id":"a"}']);
  assert.equal(typeof event.seq, 'string');
  const all = await state.run('parked', 'show', '--key', 'a');
  const shown = [...all.stdout.matchAll(/^event +(\S+)/gm)].map((match) => match[1]);
  assert.deepEqual(shown, [ids[0], ids[2], ids[3]]);
  assert.match(all.stdout, /^payload +\{"order_id":"a"\}$/m);
});

test('what is not parked, or not said clearly, is refused', async (t) => {
  const { state, parkedIds } = await setUp(t);
  for (const verb of ['show', 'requeue', 'discard']) {
    const absent = await state.run('parked', verb, randomUUID(), '--yes');
    assert.deepEqual([absent.code, absent.stdout], [1, ''], verb);
    assert.match(absent.stderr, /nothing of it is parked/);
    assert.equal((await state.run('parked', verb, '--yes')).code, 2);
  }
  assert.equal((await state.run('parked', 'discard', 'a', '--yes')).code, 2);
  assert.equal((await state.run('parked', 'discard', randomUUID(), '--key', 'a', '--yes')).code, 2);
  assert.equal((await parkedIds()).length, 4);
});

test('requeue asks for the whole key and waits until its owner has published it', async (t) => {
  const { state, ids, parkedIds } = await setUp(t);
  const command = startOutboxctl(t, state.env, 'parked', 'requeue', ids[2]!, '--json');
  await eventually(async () => {
    const { rows } = await state.pool.query(
      'SELECT key, count(requeued_at)::int AS asked FROM parked_event GROUP BY key',
    );
    assert.deepEqual(
      rows.toSorted((x, y) => (x.key < y.key ? -1 : 1)),
      [
        { key: 'a', asked: 3 },
        { key: 'b', asked: 0 },
      ],
    );
  });
  assert.match((await state.run('parked', 'list')).stdout, /^a .* requeued .*$/m);
  assert.equal((await state.run('parked', 'discard', '--key', 'a', '--yes')).code, 1);
  await state.pool.query(`DELETE FROM parked_event WHERE key = 'a'`);
  const { code, stdout } = await command.ended;
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), {
    keys: ['a'],
    requeued_events: 3,
    published_events: 3,
    parked_events: 0,
  });
  assert.deepEqual(await parkedIds(), [ids[1]]);
});

test('requeue of a key that is refused again ends with 1', async (t) => {
  const { state } = await setUp(t);
  const command = startOutboxctl(t, state.env, 'parked', 'requeue', '--all', '--json');
  await eventually(async () => {
    const { rowCount } = await state.pool.query(
      `UPDATE parked_event SET requeued_at = NULL, cause = 'still too large' WHERE requeued_at IS NOT NULL`,
    );
    assert.equal(rowCount, 4);
  });
  const { code, stdout } = await command.ended;
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(stdout), {
    keys: ['a', 'b'],
    requeued_events: 4,
    published_events: 0,
    parked_events: 4,
  });
});

test('requeue gives up after its time, and does not wait at all when told so', async (t) => {
  const { state } = await setUp(t);
  const late = await state.run('parked', 'requeue', '--key', 'b', '--timeout', '200ms');
  assert.deepEqual([late.code, late.stdout], [1, '']);
  assert.match(late.stderr, /gave up waiting: 1 event to be published\nthey stay requeued/);
  const { code, json } = await state.runJson('parked', 'requeue', '--all', '--no-wait');
  assert.deepEqual([code, json], [0, { keys: ['a', 'b'], requeued_events: 4 }]);
});

test('discard gives up one event or a key, only when confirmed, and remembers what it was', async (t) => {
  const { state, ids, parkedIds } = await setUp(t);
  const unconfirmed = await state.run('parked', 'discard', ids[0]!);
  assert.deepEqual([unconfirmed.code, unconfirmed.stdout], [2, '']);
  assert.match(unconfirmed.stderr, /Give up 1 event of key a for good\?\n.*add --yes/);
  assert.equal((await parkedIds()).length, 4);

  const { code, json, stderr } = await state.runJson('parked', 'discard', ids[0]!, '--yes');
  assert.deepEqual([code, json], [0, { keys: ['a'], discarded_events: 1, parked_events: 2 }]);
  assert.match(stderr, /2 events behind: outboxctl parked requeue --key a/);
  const key = await state.run('parked', 'discard', '--key', 'b', '--yes');
  assert.deepEqual([key.code, key.stdout, key.stderr], [0, 'discarded: 1 event\n', '']);
  assert.deepEqual(await parkedIds(), [ids[2], ids[3]]);
  const { rows } = await state.pool.query('SELECT event_id, key, cause FROM discarded_event ORDER BY seq');
  assert.deepEqual(rows, [
    { event_id: ids[0], key: 'a', cause: 'MESSAGE_TOO_LARGE' },
    { event_id: ids[1], key: 'b', cause: 'INVALID_RECORD' },
  ]);
  assert.equal((await state.run('parked', 'discard', '--all', '--yes')).code, 2);
});
