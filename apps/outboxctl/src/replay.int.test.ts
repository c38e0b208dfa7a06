import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { keyHash } from '@order-events/messaging';
import { eventually } from '../../../test/harness/index.ts';
import { appendEvents, coverAll, createOutboxState, park, writePartitions } from '../testing/outbox-state.ts';
import { startOutboxctl } from '../testing/run-outboxctl.ts';

/** Five published events of three keys, the last one parked, and one that is not published yet. */
async function setUp(t: TestContext) {
  const state = await createOutboxState(t, 4);
  await writePartitions(state, 'relay-1');
  const events = await appendEvents(state, ['a', 'b', 'a', 'c', 'c']);
  await park(state, events[4]!, 'too large');
  await coverAll(state);
  await appendEvents(state, ['a']);
  return { state, events };
}

const requestsOf = async ({ pool }: Awaited<ReturnType<typeof setUp>>['state']) =>
  (await pool.query('SELECT since, key, from_seq, to_seq FROM replay_request')).rows;

test('a dry run counts what is published and kept, and asks for nothing', async (t) => {
  const { state, events } = await setUp(t);
  const all = await state.runJson('replay', '--since', '1h', '--dry-run');
  assert.deepEqual([all.code, all.json.events], [0, 4]);
  const key = await state.runJson('replay', '--key', 'a', '--dry-run');
  assert.deepEqual([key.json.events, key.json.shares], [2, [{ partition: keyHash('a') % 4, events: 2 }]]);
  const seq = await state.runJson('replay', '--from-seq', String(events[1]!.seq), '--dry-run');
  assert.equal(seq.json.events, 3);
  const text = await state.run('replay', '--since', new Date(0).toISOString(), '--dry-run');
  assert.match(text.stdout, /4 events would be published again\n$/);
  assert.match(text.stderr, /the outbox begins at /);
  assert.deepEqual(await requestsOf(state), []);
});

test('a replay is not asked for without a confirmation, nor without a choice', async (t) => {
  const { state } = await setUp(t);
  const { code, stdout, stderr } = await state.run('replay', '--key', 'a');
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /Publish 2 events again to topic .*\n.*add --yes/);
  for (const args of [[], ['--key', 'a', '--since', '1h'], ['--since', 'yesterday'], ['--from-seq', '-1']]) {
    assert.equal((await state.run('replay', ...args, '--yes')).code, 2, args.join(' '));
  }
  assert.deepEqual(await requestsOf(state), []);
});

test('a replay of a key concerns its partition, and is waited for', async (t) => {
  const { state } = await setUp(t);
  const command = startOutboxctl(t, state.env, 'replay', '--key', 'a', '--yes', '--json');
  const row = await eventually(async () => {
    const { rows } = await state.pool.query('SELECT replay_id, partition, after_seq FROM replay_partition');
    assert.equal(rows.length, 1);
    return rows[0];
  });
  assert.deepEqual([row.partition, Number(row.after_seq)], [keyHash('a') % 4, 0]);
  const [request] = await requestsOf(state);
  const { rows } = await state.pool.query('SELECT max(seq) FROM outbox');
  assert.deepEqual(request, { since: null, key: 'a', from_seq: null, to_seq: rows[0].max });
  await eventually(() => assert.match(command.said(), /published 0 of 2 events again, 1 partition to go/));
  await state.pool.query('UPDATE replay_partition SET published_events = 2, finished_at = now()');
  const { code, stdout } = await command.ended;
  const json = JSON.parse(stdout);
  assert.deepEqual([code, json.replay_id, json.events, json.published_events], [0, row.replay_id, 2, 2]);
  assert.match(json.finished_at, /^\d{4}-/);
});

test('a replay that nobody waits for is shown, and can be called off', async (t) => {
  const { state } = await setUp(t);
  const asked = await state.runJson('replay', '--since', '1h', '--yes', '--no-wait');
  assert.deepEqual([asked.code, asked.json.partitions, asked.json.unfinished_partitions], [0, 4, 4]);
  const id: string = asked.json.replay_id;
  assert.equal((await state.runJson('status')).json.unfinished_replays, 1);
  assert.match((await state.run('replay', 'status')).stdout, new RegExp(`^${id} +since .* under way$`, 'm'));

  await state.pool.query(
    'UPDATE replay_partition SET finished_at = now(), published_events = 2 WHERE partition = 1',
  );
  const cancelled = await state.run('replay', 'cancel', id);
  assert.deepEqual([cancelled.code, cancelled.stderr], [0, '']);
  assert.equal(cancelled.stdout, 'called off in 3 partitions; 2 events had been published again\n');
  const { json } = await state.runJson('replay', 'status', id);
  assert.equal(json.replays.length, 1);
  assert.match(json.replays[0].cancelled_at, /^\d{4}-/);
  assert.match((await state.run('replay', 'cancel', id)).stdout, /was done already/);
});

test('a replay waits no longer than told, and goes on', async (t) => {
  const { state } = await setUp(t);
  const { code, stdout, stderr } = await state.run('replay', '--key', 'b', '--yes', '--timeout', '200ms');
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /gave up waiting: .*\nthe replay goes on: outboxctl replay status/);
  assert.equal((await requestsOf(state)).length, 1);
});

test('nothing to publish again, or nobody who could, is said', async (t) => {
  const { state } = await setUp(t);
  const none = await state.run('replay', '--key', 'unheard of', '--yes');
  assert.deepEqual([none.code, none.stdout], [0, 'no published event fits: nothing to publish again\n']);
  await state.pool.query(`UPDATE relay_partition SET mode = 'draining' WHERE partition = 2`);
  const { code, stderr } = await state.run('replay', '--key', 'a', '--yes');
  assert.equal(code, 1);
  assert.match(stderr, /drained for a resize/);
  assert.deepEqual(await requestsOf(state), []);
  assert.equal((await state.run('replay', 'status', '00000000-0000-0000-0000-000000000000')).code, 1);
  assert.equal((await state.run('replay', 'cancel')).code, 2);
});
