import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  createLogReader,
  createTopicLayoutReader,
  ensureHeldTopic,
  heldTopicName,
  keyHash,
} from '@order-events/messaging';
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

/** Three partitions without an owner, and events of some keys that are not published. */
async function setUp(t: TestContext) {
  const state = await createOutboxState(t, 3);
  await writePartitions(state);
  await state.pool.query(
    `INSERT INTO relay_identity (system_identifier, topic, topic_id, partition_count)
     SELECT system_identifier, $1, 'id', 3 FROM pg_control_system()`,
    [state.topic],
  );
  const events = await appendEvents(state, ['a', 'b', 'a', 'c']);
  return { state, events };
}

interface Row {
  partition: number;
  mode: string;
  cursor: string;
  page_target: string | null;
  page_seq: string | null;
  page_end: string | null;
}

async function partitionsOf({ pool }: OutboxState): Promise<Row[]> {
  const { rows } = await pool.query<Row>(
    `SELECT partition, mode, cursor::text, page_target::text, page_seq::text, page_end::text
     FROM relay_partition ORDER BY partition`,
  );
  return rows;
}

/** Plays the owner: works every window off. */
const workOff = ({ pool }: OutboxState) =>
  pool.query(
    `UPDATE relay_partition SET cursor = page_target, page_target = NULL, page_seq = NULL, page_end = NULL
     WHERE page_target IS NOT NULL`,
  );

/** The changes that are recorded for the readers of the topic. */
async function recordedChanges({ brokers, topic }: OutboxState) {
  const connection = { brokers, topic, clientId: 'test' };
  const [log, layout] = [createLogReader(connection), createTopicLayoutReader(connection)];
  try {
    const changes = await layout.read((await log.describe()).topicId);
    return changes.map(({ formerCount, count, ends }) => ({ formerCount, count, ends }));
  } finally {
    log.close();
    layout.close();
  }
}

test('everything up to one snapshot is published before the topic has its new partitions', async (t) => {
  const { state, events } = await setUp(t);
  const [parked] = await appendEvents(state, ['parked']);
  await park(state, parked!, 'too large');
  const open = await openTransaction(t, state);
  const connection = { brokers: state.brokers, clientId: 'test' };
  const held = { topic: state.topic, partitions: 3, replicationFactor: 1 };
  await ensureHeldTopic(connection, held, AbortSignal.timeout(30_000));

  const command = startOutboxctl(t, state.env, 'resize', '--partitions', '5', '--yes', '--json');
  const windows = await eventually(async () => {
    const rows = await partitionsOf(state);
    assert.ok(rows.some(({ page_target: target }) => target !== null));
    return rows;
  });
  const target = windows.find(({ page_target: of }) => of !== null)?.page_target;
  for (const { partition, mode, cursor, page_target, page_seq, page_end } of windows) {
    const seqs = [...events, parked!]
      .filter(({ key }) => keyHash(key) % 3 === partition)
      .map(({ seq }) => seq);
    assert.equal(mode, 'draining');
    if (seqs.length === 0)
      assert.deepEqual([cursor, page_target, page_seq, page_end], [target, null, null, null]);
    else {
      assert.deepEqual(
        [page_target, page_seq, page_end],
        [target, String(seqs[0]! - 1n), String(seqs.at(-1))],
      );
    }
  }
  await eventually(() => assert.match(command.said(), /to publish what is committed; no relay is alive/));
  assert.equal((await state.runJson('status')).json.topic_partitions, 3);
  await produce(state, events);
  await workOff(state);
  const { code, stdout } = await command.ended;
  assert.equal(code, 0);
  const ends = [0, 1, 2].map((partition) =>
    BigInt(events.filter(({ key }) => keyHash(key) % 3 === partition).length),
  );
  assert.deepEqual(await recordedChanges(state), [{ formerCount: 3, count: 5, ends }]);
  assert.deepEqual(JSON.parse(stdout), { former_partitions: 3, partitions: 5 });
  const rows = await partitionsOf(state);
  assert.deepEqual(
    rows.map(({ mode, cursor, page_target }) => [mode, cursor, page_target]),
    [0, 1, 2, 3, 4].map(() => ['running', target, null]),
  );
  const { rows: moved } = await state.pool.query('SELECT partition FROM parked_event');
  assert.deepEqual(moved, [{ partition: keyHash('parked') % 5 }]);
  const status = (await state.runJson('status')).json;
  assert.deepEqual([status.topic_partitions, status.identity.partition_count], [5, 5]);

  const place = createLogReader({ ...connection, topic: heldTopicName(state.topic) });
  assert.equal((await place.describe()).partitionCount, 5);
  place.close();

  await open.query('COMMIT');
  const again = await state.run('resize', '--partitions', '5');
  assert.deepEqual([again.code, again.stdout], [0, 'the topic has 5 partitions already\n']);
});

test('it goes on where it was killed, before and after the topic has changed', async (t) => {
  const { state } = await setUp(t);
  const killed = startOutboxctl(t, state.env, 'resize', '--partitions', '4', '--yes');
  await eventually(async () =>
    assert.ok((await partitionsOf(state)).some((row) => row.page_target !== null)),
  );
  killed.kill('SIGKILL');
  await killed.ended;
  const second = startOutboxctl(t, state.env, 'resize', '--partitions', '4', '--yes');
  await eventually(() => assert.match(second.said(), /waiting for \d partitions? to publish/));
  second.kill('SIGINT');
  const interrupted = await second.ended;
  assert.equal(interrupted.code, 130);
  assert.match(interrupted.stderr, /run outboxctl resize again to go on, or outboxctl resume to call it off/);

  await workOff(state);
  await addPartitions(state, 4);
  await state.pool.query(
    'UPDATE relay_partition SET cursor = (SELECT max(cursor::text)::pg_snapshot FROM relay_partition)',
  );
  const { code, json } = await state.runJson('resize', '--partitions', '4', '--yes');
  assert.deepEqual([code, json], [0, { former_partitions: 3, partitions: 4 }]);
  assert.deepEqual(await recordedChanges(state), [{ formerCount: 3, count: 4, ends: [0n, 0n, 0n] }]);
  assert.deepEqual(
    (await partitionsOf(state)).map(({ mode }) => mode),
    ['running', 'running', 'running', 'running'],
  );
});

test('what cannot be done is refused, and nothing is changed', async (t) => {
  const { state } = await setUp(t);
  const before = await partitionsOf(state);
  const cases: readonly (readonly [string[], number, RegExp])[] = [
    [[], 2, /say how many/],
    [['--partitions', '0', '--yes'], 2, /whole number from 1/],
    [['--partitions', '2', '--yes'], 2, /cannot take any away/],
    [['--partitions', '4'], 2, /Change topic .* from 3 to 4 partitions\?.*--yes/s],
  ];
  for (const [args, expected, message] of cases) {
    const { code, stdout, stderr } = await state.run('resize', ...args);
    assert.deepEqual([code, stdout], [expected, '']);
    assert.match(stderr, message);
  }
  await state.runJson('replay', '--from-seq', '1', '--dry-run');
  const { rows } = await state.pool.query(
    `INSERT INTO replay_request (from_seq, to_seq) VALUES (1, 1) RETURNING replay_id`,
  );
  await state.pool.query('INSERT INTO replay_partition (replay_id, partition) VALUES ($1, 0)', [
    rows[0].replay_id,
  ]);
  const replaying = await state.run('resize', '--partitions', '4', '--yes');
  assert.equal(replaying.code, 1);
  assert.match(replaying.stderr, /is under way: wait for it .* or outboxctl replay cancel/);
  await state.pool.query('UPDATE replay_partition SET finished_at = now()');

  await addPartitions(state, 4);
  const other = await state.run('resize', '--partitions', '5', '--yes');
  assert.equal(other.code, 1);
  assert.match(
    other.stderr,
    /has 4 partitions and the cursors are for 3: finish with outboxctl resize --partitions 4/,
  );
  const foreign = await state.run('resize', '--partitions', '4', '--yes');
  assert.equal(foreign.code, 1);
  assert.match(foreign.stderr, /got its partitions from somebody else.*outboxctl rebase/);
  assert.deepEqual(await partitionsOf(state), before);
});
