import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { eventually } from '../../../test/harness/index.ts';
import { createOutboxState, type OutboxState, writePartitions } from '../testing/outbox-state.ts';
import { startOutboxctl } from '../testing/run-outboxctl.ts';

const modes = async ({ pool }: OutboxState) =>
  (await pool.query<{ mode: string }>('SELECT mode FROM relay_partition ORDER BY partition')).rows.map(
    ({ mode }) => mode,
  );

test('pause waits until the owner has given the partition back, and tells the relays', async (t) => {
  const state = await createOutboxState(t, 3);
  await writePartitions(state, 'relay-1');
  const listener = new pg.Client({ connectionString: state.env['DATABASE_URL'] });
  await listener.connect();
  t.after(() => listener.end());
  let notifications = 0;
  listener.on('notification', () => (notifications += 1));
  await listener.query('LISTEN relay_ownership');

  const command = startOutboxctl(t, state.env, 'pause', '1', '--json');
  await eventually(async () => assert.deepEqual(await modes(state), ['running', 'paused', 'running']));
  await eventually(() => assert.match(command.said(), /waiting for 1 partition to be given up/));
  await state.pool.query('UPDATE relay_partition SET owner = NULL, lease_until = NULL WHERE partition = 1');
  const { code, stdout } = await command.ended;
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), { partitions: [1], changed: [1], idle: true });
  await eventually(() => assert.equal(notifications, 1));
});

test('a lease that has run out is not waited for', async (t) => {
  const state = await createOutboxState(t, 2);
  await writePartitions(state, 'relay-1');
  await state.pool.query(`UPDATE relay_partition SET lease_until = now() - interval '1 second'`);
  const { code, stdout, stderr } = await state.run('pause');
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'paused: 2 partitions\n', stderr: '' });
  assert.deepEqual(await modes(state), ['paused', 'paused']);
  assert.equal((await state.run('pause')).stdout, 'paused: 0 partitions, 2 had been paused already\n');
});

test('a lease that was stamped before the clock was set back is waited for no longer than it lasts', async (t) => {
  const state = await createOutboxState(t, 2);
  await writePartitions(state, 'relay-1');
  await state.pool.query(
    `UPDATE relay_partition SET lease_until = now() + interval '1 hour 1 second', updated_at = now() + interval '1 hour'`,
  );
  const { code, stdout } = await state.run('pause');
  assert.deepEqual({ code, stdout }, { code: 0, stdout: 'paused: 2 partitions\n' });
});

test('an owner that does not give up is waited for only so long; the pause stays asked for', async (t) => {
  const state = await createOutboxState(t, 2);
  await writePartitions(state, 'relay-1');
  const { code, stdout, stderr } = await state.run('pause', '--timeout', '300ms');
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /gave up waiting: waiting for 2 partitions.*\n.*outboxctl resume takes it back/);
  assert.deepEqual(await modes(state), ['paused', 'paused']);
  const unwaited = await state.runJson('pause', '--no-wait');
  assert.deepEqual([unwaited.code, unwaited.json.idle], [0, false]);
});

test('Ctrl-C ends the wait, says what is left, and exits with 130', async (t) => {
  const state = await createOutboxState(t, 2);
  await writePartitions(state, 'relay-1');
  const command = startOutboxctl(t, state.env, 'pause');
  await eventually(() => assert.match(command.said(), /waiting for/));
  command.kill('SIGINT');
  const { code, stdout, stderr } = await command.ended;
  assert.deepEqual([code, stdout], [130, '']);
  assert.match(stderr, /what was asked for stays so/);
});

test('resume sets what was paused to running', async (t) => {
  const state = await createOutboxState(t, 3);
  await writePartitions(state);
  await state.run('pause');
  const one = await state.runJson('resume', '2');
  assert.deepEqual([one.code, one.json], [0, { partitions: [2], changed: [2] }]);
  assert.deepEqual(await modes(state), ['paused', 'paused', 'running']);
  const all = await state.run('resume');
  assert.deepEqual([all.code, all.stdout], [0, 'running: 3 partitions, of which 2 had not been\n']);
  assert.deepEqual(await modes(state), ['running', 'running', 'running']);
});

test('resume calls off a resize only before the topic has changed', async (t) => {
  const state = await createOutboxState(t, 3);
  await writePartitions(state);
  await state.pool.query(`UPDATE relay_partition SET mode = 'draining'`);
  assert.equal((await state.run('resume')).code, 0);
  await state.pool.query(`UPDATE relay_partition SET mode = 'draining'`);
  await state.pool.query('DELETE FROM relay_partition WHERE partition = 2');
  const { code, stderr } = await state.run('resume');
  assert.equal(code, 1);
  assert.match(stderr, /has 3 partitions already: finish with outboxctl resize --partitions 3/);
  assert.deepEqual(await modes(state), ['draining', 'draining']);
});

test('a partition that is not there is refused', async (t) => {
  const state = await createOutboxState(t, 2);
  assert.match((await state.run('pause')).stderr, /no partitions are known yet/);
  await writePartitions(state);
  const { code, stderr } = await state.run('pause', '7');
  assert.equal(code, 1);
  assert.match(stderr, /there is no partition 7: the topic has 0 to 1/);
  assert.equal((await state.run('pause', 'x')).code, 2);
});
