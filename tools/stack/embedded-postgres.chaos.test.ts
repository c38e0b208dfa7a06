import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import pg from 'pg';
import { startPostgres } from '../../test/harness/index.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';

test('a restart keeps the port, the data and the settings', async (t) => {
  const server = await startPostgres(t, { settings: { work_mem: '7MB' } });
  await query(server.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  const firstPid = server.pid;

  await server.restart();

  assert.notEqual(server.pid, firstPid);
  assert.deepEqual(await query(server.url, 'SELECT answer FROM kept'), [{ answer: 42 }]);
  assert.deepEqual(await query(server.url, 'SHOW work_mem'), [{ work_mem: '7MB' }]);
});

test('after a kill in the middle of work the committed data is there at the next start', async (t) => {
  const server = await startPostgres(t);
  await query(server.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  const busy = new pg.Client(server.url);
  busy.on('error', () => undefined);
  await busy.connect();
  const cut = assert.rejects(busy.query('SELECT pg_sleep(600)'));

  await server.kill();
  await cut;
  assert.equal(server.pid, undefined);
  await assert.rejects(query(server.url, 'SELECT 1'), { code: 'ECONNREFUSED' });

  await server.restart();
  assert.deepEqual(await query(server.url, 'SELECT answer FROM kept'), [{ answer: 42 }]);
});

test('a data directory of the caller outlives the server', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'kept-data-'));
  const first = await startPostgres(t, { dataDir });
  await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await first.stop();

  const second = await startPostgres(t, { dataDir });
  // What comes after a test comes in this order: no server writes any more.
  t.after(() => rm(dataDir, { recursive: true }));

  assert.deepEqual(await query(second.url, 'SELECT answer FROM kept'), [{ answer: 42 }]);
});

test('a port that is taken is named in the error', async (t) => {
  const { port } = await startPostgres(t);
  await assert.rejects(startEmbeddedPostgres({ port }), {
    message: `PostgreSQL cannot start: port ${port} is in use`,
  });
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
