import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { createTestDatabase, eventually, startPostgres } from '../../../test/harness/index.ts';
import { isDatabaseAway } from './database-away.ts';
import { createDatabase, type Database, type Transaction } from './database.ts';
import { inTransaction, readAgain } from './in-transaction.ts';
import { createPool } from './pool.ts';

function poolOf(t: TestContext, url: string, options: { statementTimeoutMs?: number } = {}) {
  const lost: Error[] = [];
  const pool = createPool({
    url,
    applicationName: 'test',
    maxConnections: 2,
    onConnectionError: (error) => lost.push(error),
    ...options,
  });
  t.after(() => pool.end());
  return { pool, database: createDatabase(pool, { ownSessions: true }), lost };
}

test('a restart of the server ends the transactions it meets, and nothing else', async (t) => {
  const server = await startPostgres(t);
  const { pool, database, lost } = poolOf(t, server.url);
  // Two connections, one of which is idle at the restart.
  await Promise.all([pool.query('SELECT 1'), pool.query('SELECT 1')]);
  const begun = Promise.withResolvers<void>();
  const restarted = Promise.withResolvers<void>();
  const interrupted = database.transaction().execute(async (transaction) => {
    await sql`SELECT 1`.execute(transaction);
    begun.resolve();
    await restarted.promise;
    await sql`SELECT 1`.execute(transaction);
  });
  const outcome = assert.rejects(interrupted, isDatabaseAway);
  await begun.promise;
  await server.restart();
  restarted.resolve();
  await outcome;
  assert.notEqual(lost.length, 0);
  const { rows } = await sql<{ one: number }>`SELECT 1 AS one`.execute(database);
  assert.deepEqual(rows, [{ one: 1 }]);
});

test('statements, locks and idle transactions are limited on the server', async (t) => {
  const { url } = await createTestDatabase(t);
  const { pool } = poolOf(t, url);
  const setting = async (name: string) =>
    (await pool.query<{ value: string }>(`SELECT current_setting($1) AS value`, [name])).rows[0]?.value;
  assert.equal(await setting('statement_timeout'), '10s');
  assert.equal(await setting('lock_timeout'), '5s');
  assert.equal(await setting('idle_in_transaction_session_timeout'), '10s');
  assert.equal(await setting('application_name'), 'test');
});

test('a connection whose session the server has ended is no failed transaction and no failed read', async (t) => {
  const { url } = await createTestDatabase(t);
  const { database } = poolOf(t, url);
  await database.schema.createTable('note').addColumn('id', 'integer').execute();
  const note = (transaction: Transaction, id: number) =>
    sql`INSERT INTO note VALUES (${id})`.execute(transaction);
  const endSession = (transaction: Transaction) =>
    sql`SELECT pg_terminate_backend(pg_backend_pid())`.execute(transaction);
  let runs = 0;
  await inTransaction(database, async (transaction) => {
    await note(transaction, 1);
    if (++runs === 1) await endSession(transaction);
  });
  // It is ended with each connection: nothing is tried for ever.
  await assert.rejects(inTransaction(database, endSession), isDatabaseAway);
  let reads = 0;
  const one = () => sql<{ one: number }>`SELECT 1 AS one`.execute(database);
  const ended = () => sql`SELECT pg_terminate_backend(pg_backend_pid())`.execute(database);
  await readAgain(() => (++reads === 1 ? ended() : one()));
  const { rows } = await sql<{ id: number }>`SELECT id FROM note`.execute(database);
  assert.deepEqual([rows, runs, reads], [[{ id: 1 }], 2, 2]);
});

test('a commit whose answer is lost is not asked for again', async (t) => {
  const { url } = await createTestDatabase(t);
  const { database } = poolOf(t, url);
  await sql`CREATE TABLE note (id int)`.execute(database);
  // Runs while the transaction is being committed.
  await sql`CREATE FUNCTION end_session() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$`.execute(database);
  await sql`CREATE CONSTRAINT TRIGGER ends AFTER INSERT ON note DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION end_session()`.execute(database);
  let runs = 0;
  const insertion = inTransaction(database, async (transaction) => {
    runs += 1;
    await sql`INSERT INTO note VALUES (1)`.execute(transaction);
  });
  await assert.rejects(insertion, isDatabaseAway);
  assert.equal(runs, 1);
});

for (const [what, way] of [
  ['to a statement', (database: Database) => sql`SELECT 1`.execute(database)],
  [
    'to a transaction',
    (database: Database) => inTransaction(database, (begun) => sql`SELECT 1`.execute(begun)),
  ],
] as const) {
  test(`a connection on which no answer came is not used again: ${what}`, (t) => unansweredOnce(t, way));
}

async function unansweredOnce(t: TestContext, way: (database: Database) => Promise<unknown>) {
  const { url } = await createTestDatabase(t);
  const proxy = await startProxy(t, url);
  const { database } = poolOf(t, proxy.url, { statementTimeoutMs: 100 });
  const ask = () => way(database);
  await Promise.all([ask(), ask()]);
  proxy.silence();
  const answers = await Promise.allSettled([ask(), ask()]);
  assert.deepEqual(
    answers.map((answer) => answer.status === 'rejected' && isDatabaseAway(answer.reason)),
    [true, true],
  );
  await eventually(() => Promise.all([ask(), ask()]));
}

/** Passes everything on to Postgres, until `silence`: what was connected by then stays connected and hears nothing more. */
async function startProxy(t: TestContext, postgresUrl: string) {
  const target = new URL(postgresUrl);
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const end of [socket, upstream]) end.on('error', () => end.destroy());
    socket.pipe(upstream).pipe(socket);
    sockets.push(socket, upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: Object.assign(new URL(postgresUrl), { port: String(port) }).href,
    silence: () => sockets.forEach((socket) => socket.unpipe().pause()),
  };
}
