import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { createTestDatabase } from '../../../../test/harness/index.ts';
import { CursorAheadError } from '../read/cursor-ahead-error.ts';
import { checkIdentity } from './identity.ts';
import { createOutboxReader } from '../read/outbox-reader.ts';

const TOPIC = { topic: 'orders.events', clusterId: 'cluster', topicId: 'first', partitionCount: 12 };

/** Of a database whose sessions may be ended under it. */
function openPool(url: string, max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max });
  pool.on('error', () => {});
  // A pool has ended before its sessions have, and a database that is dropped by force tells these.
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

async function openDatabase(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const pool = openPool(url, 4);
  t.after(() => (pool.ending ? undefined : pool.end()));
  return { url, pool };
}

test('the first relay stores what the cursors are about, and relays that start together agree', async (t) => {
  const { pool } = await openDatabase(t);
  const verdicts = await Promise.all([1, 2, 3, 4].map(() => checkIdentity({ pool, ...TOPIC })));
  for (const verdict of verdicts) assert.deepEqual(verdict, { kind: 'ok' });
  assert.deepEqual(await checkIdentity({ pool, ...TOPIC }), { kind: 'ok' });
  const { rows } = await pool.query(
    `SELECT topic, topic_id, partition_count, system_identifier = (SELECT system_identifier::text FROM pg_control_system()) AS same
     FROM relay_identity`,
  );
  assert.deepEqual(rows, [{ topic: 'orders.events', topic_id: 'first', partition_count: 12, same: true }]);
});

for (const [what, change, command] of [
  ['another database server', `UPDATE relay_identity SET system_identifier = '1'`, 'outboxctl rebase'],
  ['another cluster', `UPDATE relay_identity SET cluster_id = 'other'`, 'outboxctl rebase'],
  ['another topic', `UPDATE relay_identity SET topic = 'other'`, 'outboxctl rebase'],
  ['another number of partitions', 'UPDATE relay_identity SET partition_count = 16', 'outboxctl resize'],
] as const) {
  test(`cursors of ${what} are a mismatch with the command that mends it, until the table says otherwise`, async (t) => {
    const { pool } = await openDatabase(t);
    await checkIdentity({ pool, ...TOPIC });
    await pool.query(change);
    for (let times = 0; times < 2; times++) {
      const verdict = await checkIdentity({ pool, ...TOPIC });
      assert.ok(verdict.kind === 'mismatch');
      assert.match(verdict.mismatch.mend, new RegExp(command));
    }
    await pool.query('DELETE FROM relay_identity');
    assert.deepEqual(await checkIdentity({ pool, ...TOPIC }), { kind: 'ok' });
  });
}

test('a cluster that no relay has seen yet is stored', async (t) => {
  const { pool } = await openDatabase(t);
  await checkIdentity({ pool, ...TOPIC });
  await pool.query('UPDATE relay_identity SET cluster_id = NULL');
  assert.deepEqual(await checkIdentity({ pool, ...TOPIC }), { kind: 'ok' });
  assert.equal((await checkIdentity({ pool, ...TOPIC, clusterId: 'other' })).kind, 'mismatch');
});

test('a copy on the same server publishes nothing while the original is there, and goes on in its place when it is gone', async (t) => {
  const { url, pool } = await openDatabase(t);
  await checkIdentity({ pool, ...TOPIC });
  await pool.query('UPDATE relay_identity SET database_oid = NULL');
  assert.deepEqual(await checkIdentity({ pool, ...TOPIC }), { kind: 'ok' });
  const name = new URL(url).pathname.slice(1);
  const copyUrl = url.replace(name, `${name}_copy`);
  const administrator = new pg.Pool({ connectionString: url.replace(name, 'postgres'), max: 1 });
  const copy = openPool(copyUrl, 1);
  t.after(async () => {
    await copy.end();
    await administrator.query(`DROP DATABASE IF EXISTS "${name}_copy" WITH (FORCE)`);
    await administrator.end();
  });
  // Postgres waits for sessions that are about to end.
  await pool.end();
  await administrator.query(`CREATE DATABASE "${name}_copy" TEMPLATE "${name}"`);
  for (let times = 0; times < 2; times++) {
    const verdict = await checkIdentity({ pool: copy, ...TOPIC });
    assert.ok(verdict.kind === 'mismatch');
    assert.match(verdict.mismatch.what, new RegExp(`copy of ${name}`));
  }
  const original = openPool(url, 1);
  assert.deepEqual(await checkIdentity({ pool: original, ...TOPIC }), { kind: 'ok' });
  await original.end();
  await administrator.query(`DROP DATABASE "${name}" WITH (FORCE)`);
  for (let times = 0; times < 2; times++)
    assert.deepEqual(await checkIdentity({ pool: copy, ...TOPIC }), { kind: 'ok' });
});

test('a topic created again is told once, and accepted', async (t) => {
  const { pool } = await openDatabase(t);
  await checkIdentity({ pool, ...TOPIC });
  const again = { pool, ...TOPIC, topicId: 'second' };
  const verdict = await checkIdentity(again);
  assert.ok(verdict.kind === 'recreated');
  assert.match(verdict.mend, /as far back as former checkpoints reach/);
  assert.deepEqual(await checkIdentity(again), { kind: 'ok' });
});

test('a role that may not ask for the identifier goes on without it, and stores it once it may', async (t) => {
  const { url, pool } = await openDatabase(t);
  const role = `relay_${process.pid}_${Date.now()}`;
  await pool.query(`CREATE ROLE ${role} LOGIN PASSWORD 'any'`);
  await pool.query(`GRANT ALL ON relay_identity TO ${role}`);
  await pool.query('REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC');
  const asRole = new URL(url);
  asRole.username = role;
  asRole.password = 'any';
  const restricted = new pg.Pool({ connectionString: asRole.href, max: 1 });
  const stored = async () =>
    (await pool.query<{ system_identifier: string }>('SELECT system_identifier FROM relay_identity')).rows[0]
      ?.system_identifier;
  try {
    assert.deepEqual(await checkIdentity({ pool: restricted, ...TOPIC }), { kind: 'ok' });
    assert.deepEqual(await checkIdentity({ pool: restricted, ...TOPIC }), { kind: 'ok' });
    assert.equal(await stored(), 'unknown');
    await checkIdentity({ pool, ...TOPIC });
    assert.match((await stored()) ?? '', /^\d+$/);
    assert.deepEqual(await checkIdentity({ pool: restricted, ...TOPIC }), { kind: 'ok' });
  } finally {
    await restricted.end();
    await pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

test('a cursor ahead of the database is an error of its own, not a page', async (t) => {
  const { pool } = await openDatabase(t);
  const reader = createOutboxReader({ pool, partitionCount: 12, limits: { rows: 10, bytes: 1000 } });
  const { rows } = await pool.query<{ xmax: string }>(
    'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xmax',
  );
  const ahead = BigInt(rows[0]?.xmax ?? 0) + 1_000_000n;
  const future = `${ahead}:${ahead}:`;
  const ownCursor = { snapshot: '3:3:' };
  for (const cursor of [
    { snapshot: future },
    { snapshot: '3:3:', page: { target: future, afterSeq: 0n, endSeq: 9n } },
  ]) {
    const read = reader.read([
      { cursor: ownCursor, partitions: [1] },
      { cursor, partitions: [0] },
    ]);
    await assert.rejects(read, (error) => error instanceof CursorAheadError && error.cursor === cursor);
  }
});
