import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyHash } from '@order-events/messaging';
import { findFreePort } from '../../../tools/stack/index.ts';
import {
  appendEvents,
  createOutboxState,
  openTransaction,
  park,
  writePartitions,
} from '../testing/outbox-state.ts';
import { runOutboxctl } from '../testing/run-outboxctl.ts';

test('a relay that owns everything and has published everything is healthy', async (t) => {
  const state = await createOutboxState(t, 3);
  await writePartitions(state, 'relay-1');
  const { code, json, stderr } = await state.runJson('status');
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(json.healthy, true);
  assert.deepEqual(json.problems, []);
  assert.deepEqual([json.topic, json.topic_partitions], [state.topic, 3]);
  assert.deepEqual(json.relays, [{ id: 'relay-1', heartbeat_age_seconds: 0, gave_way: false }]);
  assert.equal(json.partitions.length, 3);
  const { owner, mode, pending_events, unowned_seconds, page_target } = json.partitions[0];
  assert.deepEqual(
    [owner, mode, pending_events, unowned_seconds, page_target],
    ['relay-1', 'running', 0, 0, null],
  );

  const { code: textCode, stdout, stderr: textErrors } = await state.run('status');
  assert.deepEqual([textCode, textErrors], [0, '']);
  assert.match(stdout, /^topic \S+ · 1 relay alive · 0 events pending/);
  assert.match(stdout, /^ +0  running  relay-1 /m);
  assert.match(stdout, /healthy\n$/);
});

test('a relay that has given way, because it does not reach Kafka, is named among those that are alive', async (t) => {
  const state = await createOutboxState(t, 1);
  await writePartitions(state, 'relay-1');
  await state.pool.query(`INSERT INTO relay_instance VALUES ('relay-2', clock_timestamp(), 'gave way')`);
  const { json } = await state.runJson('status');
  assert.deepEqual(
    json.relays.map(({ id, gave_way }: { id: string; gave_way: boolean }) => [id, gave_way]),
    [
      ['relay-1', false],
      ['relay-2', true],
    ],
  );
  const { stdout } = await runOutboxctl(state.env, 'status');
  assert.match(stdout, /2 relays alive \(without Kafka: relay-2\)/);
});

test('relays that were stamped before the clock was set back do not count as alive, and it is said', async (t) => {
  const state = await createOutboxState(t, 2);
  await writePartitions(state, 'relay-1');
  await state.pool.query(`UPDATE relay_partition SET updated_at = now() + interval '1 hour'`);
  await state.pool.query(`INSERT INTO relay_instance VALUES ('relay-1', now() + interval '1 hour')`);
  const { code, json } = await state.runJson('status');
  assert.equal(code, 1);
  assert.deepEqual(json.problems, ['no relay is alive']);
  const notice = json.findings.find(({ name }: { name: string }) => name === 'clock-set-back');
  assert.match(notice.text, /up to 1 h 0 min ahead of its clock/);
});

test('what is wrong is named, and ends with 1', async (t) => {
  const state = await createOutboxState(t, 3);
  const nothing = await state.runJson('status');
  assert.equal(nothing.code, 1);
  assert.deepEqual(nothing.json.problems, [
    'no relay is alive',
    'no partitions are known yet: no relay has found the topic',
  ]);

  await writePartitions(state);
  await state.pool.query(`UPDATE relay_partition SET updated_at = now() - interval '1 minute'`);
  const [event] = await appendEvents(state, ['order-1']);
  await state.pool.query(`UPDATE outbox SET created_at = now() - interval '2 minutes'`);
  await park(state, event!, 'too large');
  const { code, json } = await state.runJson('status');
  assert.equal(code, 1);
  const problems: string = json.problems.join('\n');
  assert.match(problems, /no relay is alive/);
  assert.match(problems, /partitions without an owner: 0, 1, 2/);
  assert.match(problems, /the oldest pending event is 2 min \d s old, more than 1 min 0 s/);
  assert.match(problems, /1 parked key: outboxctl parked list/);
  assert.equal(json.partitions[keyHash('order-1') % 3].pending_events, 1);
  assert.equal(json.pending_events, 1);
  const patient = await state.runJson('status', '--max-pending-age', '1h');
  assert.doesNotMatch(patient.json.problems.join('\n'), /oldest pending/);
});

test('a paused partition without an owner is no problem', async (t) => {
  const state = await createOutboxState(t, 2);
  await writePartitions(state, 'relay-1');
  await state.pool.query(
    `UPDATE relay_partition SET owner = NULL, lease_until = NULL, mode = 'paused', updated_at = now() - interval '1 hour'
     WHERE partition = 1`,
  );
  assert.equal((await state.runJson('status')).code, 0);
});

test('of a window that is read in pages only what lies beyond the page is pending', async (t) => {
  const state = await createOutboxState(t, 1);
  await writePartitions(state, 'relay-1');
  const events = await appendEvents(state, ['a', 'b', 'c', 'd']);
  await state.pool.query(
    'UPDATE relay_partition SET page_target = pg_current_snapshot(), page_seq = $1, page_end = $2',
    [events[1]!.seq, events[3]!.seq],
  );
  await appendEvents(state, ['e']);
  assert.equal((await state.runJson('status')).json.pending_events, 3);
});

test('a database or topic that the cursors do not belong to is named with what mends it', async (t) => {
  const state = await createOutboxState(t, 2);
  await writePartitions(state, 'relay-1');
  await state.pool.query(
    `INSERT INTO relay_identity (system_identifier, topic, topic_id, partition_count) VALUES ('1', $1, 'x', 3)`,
    [state.topic],
  );
  await state.pool.query(`UPDATE relay_partition SET cursor = '900000000:900000000:' WHERE partition = 1`);
  const { code, json } = await state.runJson('status');
  assert.equal(code, 1);
  const problems: string = json.problems.join('\n');
  assert.match(problems, /another database server.*outboxctl rebase/);
  assert.match(problems, /cursors of partitions 1 are ahead of the database.*outboxctl rebase/);
  assert.match(problems, /has 2 partitions, the cursors are for 3; .*outboxctl resize/);
});

test('Kafka away is a problem, and the rest is shown', async (t) => {
  const state = await createOutboxState(t, 2);
  await writePartitions(state, 'relay-1');
  const env = { ...state.env, KAFKA_BROKERS: `127.0.0.1:${await findFreePort()}` };
  const { code, stdout } = await runOutboxctl(env, 'status');
  assert.equal(code, 1);
  assert.match(stdout, /Kafka does not answer for topic/);
  assert.match(stdout, /running  relay-1/);
});

test('a table that somebody has locked is told with its holder', async (t) => {
  const state = await createOutboxState(t, 2);
  await writePartitions(state, 'relay-1');
  const holder = await openTransaction(t, state);
  await holder.query('LOCK TABLE relay_partition');
  const { code, stderr } = await state.run('status');
  assert.equal(code, 1);
  assert.match(stderr, /lock timeout\n.*has locks on relay_partition.*pg_terminate_backend/s);
});

test('a server that takes no writes is unhealthy, and what waits there is counted', async (t) => {
  const state = await createOutboxState(t, 2);
  await appendEvents(state, ['a', 'b', 'c']);
  await state.pool.query(
    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`,
  );
  const unseen = await state.runJson('status');
  assert.equal(unseen.code, 1);
  assert.equal(unseen.json.pending_events, 3);
  assert.equal(unseen.json.read_only, true);
  assert.match(unseen.json.problems.join('\n'), /takes no writes/);
});
