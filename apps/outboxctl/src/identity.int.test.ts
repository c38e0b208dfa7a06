import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appendEvents, createOutboxState, park, writePartitions } from '../testing/outbox-state.ts';

test('nothing is compared with, or asked of, a database and a topic that the cursors do not belong to', async (t) => {
  const state = await createOutboxState(t, 2);
  await writePartitions(state, 'relay-1');
  const [event] = await appendEvents(state, ['order-1']);
  await park(state, event!, 'too large');
  const system = '(SELECT system_identifier::text FROM pg_control_system())';
  await state.pool.query(
    `INSERT INTO relay_identity (system_identifier, topic, topic_id, partition_count) VALUES (${system}, $1, 'x', 2)`,
    [state.topic],
  );
  const commands = [
    ['verify'],
    ['replay', '--since', '1h', '--yes', '--no-wait'],
    ['parked', 'requeue', '--all', '--no-wait'],
  ];
  for (const [change, told, mend] of [
    [`system_identifier = '1'`, /belong to another database server/, `system_identifier = ${system}`],
    [`cluster_id = 'other'`, /belong to another Kafka cluster \(other, this one is /, 'cluster_id = NULL'],
    [`topic = 'other'`, /belong to the topic other, not to /, `topic = '${state.topic}'`],
  ] as const) {
    await state.pool.query(`UPDATE relay_identity SET ${change}`);
    for (const command of commands) {
      const { code, stdout, stderr } = await state.run(...command);
      assert.deepEqual([code, stdout], [1, ''], command.join(' '));
      assert.match(stderr, told);
      assert.match(stderr, /outboxctl rebase/);
    }
    await state.pool.query(`UPDATE relay_identity SET ${mend}`);
  }
  const asked = await state.pool.query(
    'SELECT (SELECT count(*) FROM replay_request) AS replays, (SELECT count(*) FROM parked_event WHERE requeued_at IS NOT NULL) AS requeued',
  );
  assert.deepEqual(asked.rows, [{ replays: 0n, requeued: 0n }]);
  for (const command of commands.slice(1))
    assert.equal((await state.run(...command)).code, 0, command.join(' '));
});
