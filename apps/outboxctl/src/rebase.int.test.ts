import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { keyHash } from '@order-events/messaging';
import { eventually } from '../../../test/harness/index.ts';
import { addPartitions } from '../../../test/harness/topic-admin.ts';
import {
  appendEvents,
  createOutboxState,
  openTransaction,
  type OutboxState,
  park,
  produce,
  writePartitions,
} from '../testing/outbox-state.ts';
import { startOutboxctl } from '../testing/run-outboxctl.ts';

/**
 * A database restored on another server: its rows carry transaction ids of the old one, its cursors are ahead of it. Of the key `a` the
 * topic holds the first of three events; of `b` the only one; `c` has a parked event that was published since, and a discarded one.
 */
async function setUp(t: TestContext) {
  const state = await createOutboxState(t, 3);
  await writePartitions(state);
  const events = await appendEvents(state, ['a', 'b', 'a', 'a', 'c', 'c', 'd']);
  const [a1, b1, , , unparked, discarded, parked] = events;
  for (const event of [unparked!, discarded!, parked!]) await park(state, event, 'too large');
  await state.pool.query(
    `WITH gone AS (DELETE FROM parked_event WHERE event_id = $1 RETURNING *)
     INSERT INTO discarded_event SELECT event_id, seq, key, event_type, cause FROM gone`,
    [discarded!.eventId],
  );
  await produce(state, [a1!, b1!, unparked!]);
  await state.pool.query(`UPDATE outbox SET xid = (800000000 + seq)::text::xid8`);
  await state.pool.query(`UPDATE relay_partition SET cursor = '900000000:900000000:', log_offset = 4711`);
  await state.pool.query(
    `INSERT INTO relay_identity (system_identifier, topic, topic_id, partition_count) VALUES ('1', $1, 'old', 3)`,
    [state.topic],
  );
  return { state, events };
}

/** What a relay would read, by partition: rows that the cursor does not see, by seq. */
async function readByRelay({ pool }: OutboxState): Promise<string[]> {
  const { rows } = await pool.query<{ event_id: string }>(
    `SELECT event_id FROM outbox JOIN relay_partition ON partition = key_hash % (SELECT count(*) FROM relay_partition)
     WHERE NOT pg_visible_in_snapshot(xid, cursor) ORDER BY seq`,
  );
  return rows.map((row) => row.event_id);
}

const tables = async ({ pool }: OutboxState) => {
  const { rows } = await pool.query(
    `SELECT (SELECT json_agg(to_json(o) ORDER BY seq) FROM outbox o)::text AS outbox,
       (SELECT json_agg(to_jsonb(p) - 'updated_at' ORDER BY partition) FROM relay_partition p)::text AS partitions,
       (SELECT json_agg(p) FROM parked_event p)::text AS parked, (SELECT json_agg(i) FROM relay_identity i)::text AS identity`,
  );
  return rows[0];
};

test('after a rebase exactly what the topic lacks is beyond the cursors, in order', async (t) => {
  const { state, events } = await setUp(t);
  const { code, json, stderr } = await state.runJson('rebase', '--yes');
  assert.equal(code, 0, stderr);
  assert.deepEqual([json.held, json.unpublished, json.set_aside, json.expired], [3, 2, 2, 0]);
  assert.deepEqual(
    [json.unparked_events, json.only_in_topic, json.partitions, json.dry_run],
    [1, 0, 3, false],
  );
  assert.match(stderr, /the relays publish them now/);
  assert.deepEqual(await readByRelay(state), [events[2]!.eventId, events[3]!.eventId]);
  const { rows } = await state.pool.query(
    'SELECT partition, mode, log_offset, owner FROM relay_partition ORDER BY 1',
  );
  const ends = [0, 0, 0];
  for (const key of ['a', 'b', 'c']) ends[keyHash(key) % 3]! += 1;
  assert.deepEqual(
    rows.map((row) => [row.partition, row.mode, Number(row.log_offset), row.owner]),
    ends.map((end, partition) => [partition, 'running', end, null]),
  );
  const parked = await state.pool.query('SELECT event_id FROM parked_event');
  assert.deepEqual(parked.rows, [{ event_id: events[6]!.eventId }]);
  const status = await state.runJson('status');
  assert.deepEqual(
    status.json.problems.filter((problem: string) => /rebase/.test(problem)),
    [],
  );
  const again = await state.runJson('rebase', '--yes');
  assert.deepEqual([again.code, again.json.unpublished], [0, 2]);
  assert.deepEqual(await readByRelay(state), [events[2]!.eventId, events[3]!.eventId]);
});

test('what is committed while it reads the topic is beyond the cursors too, whenever its transaction began', async (t) => {
  const { state, events } = await setUp(t);
  const early = await openTransaction(t, state);
  // Holds the rebase up when it has its snapshot and its transaction id, and before it looks at the outbox.
  const blocker = await openTransaction(t, state);
  await blocker.query('LOCK TABLE relay_identity IN ACCESS EXCLUSIVE MODE');
  // Transactions that begin later and end before: a snapshot that listed none of them would see the rebase itself.
  const others = await openTransaction(t, state);
  await others.query('COMMIT');
  let busy = true;
  const committing = (async () => {
    while (busy) await others.query('SELECT pg_current_xact_id()');
  })();
  const command = startOutboxctl(t, state.env, 'rebase', '--yes', '--json');
  await eventually(async () => {
    const { rows } = await state.pool.query(
      `SELECT FROM pg_stat_activity WHERE application_name = 'outboxctl' AND wait_event_type = 'Lock'
       AND datname = current_database()`,
    );
    assert.equal(rows.length, 1);
  });
  const [during] = await appendEvents(state, ['e']);
  await blocker.query('ROLLBACK');
  const { code, stderr } = await command.ended;
  busy = false;
  await committing;
  assert.equal(code, 0, stderr);
  await early.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload) VALUES ('e', $1, gen_random_uuid(), 'order.updated', '{}')`,
    [keyHash('e')],
  );
  await early.query('COMMIT');
  const [late] = (await state.pool.query('SELECT event_id FROM outbox ORDER BY seq DESC LIMIT 1')).rows;
  const expected = [events[2]!.eventId, events[3]!.eventId, during!.eventId, late.event_id];
  assert.deepEqual(await readByRelay(state), expected);
});

test('a dry run, or one that nobody confirms, changes nothing', async (t) => {
  const { state } = await setUp(t);
  const before = await tables(state);
  const dry = await state.runJson('rebase', '--dry-run');
  assert.deepEqual([dry.code, dry.json.held, dry.json.unpublished, dry.json.dry_run], [0, 3, 2, true]);
  const { code, stdout, stderr } = await state.run('rebase');
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /Pause all relays, .*--yes/s);
  assert.deepEqual(await tables(state), before);
});

test('while a relay holds a partition nothing is changed but the modes', async (t) => {
  const { state } = await setUp(t);
  await state.pool.query(
    `UPDATE relay_partition SET owner = 'relay-1', lease_until = now() + interval '1 hour' WHERE partition = 1`,
  );
  const { code, stderr } = await state.run('rebase', '--yes', '--timeout', '300ms');
  assert.equal(code, 1);
  assert.match(
    stderr,
    /waiting for 1 partition to be given up\nnothing is changed but that all partitions are paused/,
  );
  const { rows } = await state.pool.query('SELECT DISTINCT mode, cursor::text FROM relay_partition');
  assert.deepEqual(rows, [{ mode: 'paused', cursor: '900000000:900000000:' }]);
});

test('a topic that somebody gave more partitions is taken as it is', async (t) => {
  const { state, events } = await setUp(t);
  await addPartitions(state, 5);
  const { code, json } = await state.runJson('rebase', '--yes');
  assert.deepEqual([code, json.partitions, json.unpublished], [0, 5, 2]);
  assert.deepEqual(await readByRelay(state), [events[2]!.eventId, events[3]!.eventId]);
  const { rows } = await state.pool.query('SELECT partition FROM parked_event');
  assert.deepEqual(rows, [{ partition: keyHash('d') % 5 }]);
  const identity = await state.pool.query('SELECT topic, partition_count FROM relay_identity');
  assert.deepEqual(identity.rows, [{ topic: state.topic, partition_count: 5 }]);
});

test('without Kafka there is no telling what is published', async (t) => {
  const { state } = await setUp(t);
  const before = await tables(state);
  const command = startOutboxctl(t, { ...state.env, KAFKA_BROKERS: 'none' }, 'rebase', '--yes');
  const { code, stderr } = await command.ended;
  assert.equal(code, 1);
  assert.match(stderr, /no Kafka brokers are configured/);
  assert.deepEqual(await tables(state), before);
});
