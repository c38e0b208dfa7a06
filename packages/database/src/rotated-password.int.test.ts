import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '@order-events/runtime';
import pg from 'pg';
import { z } from 'zod';
import { eventually, startPostgres } from '../../../test/harness/index.ts';
import { DATABASE_SECRETS, databaseSettings } from './database-config.ts';
import { createPool } from './pool.ts';

const schema = z.object(databaseSettings);

for (const throughPooler of [false, true]) {
  test(`a password that is rotated needs no restart${throughPooler ? ', through a pooler neither' : ''}`, async (t) => {
    const postgres = await startPostgres(t);
    const admin = new pg.Client({ connectionString: postgres.url });
    // It ends with its server.
    admin.on('error', () => {});
    await admin.connect();
    t.after(() => admin.end());
    await admin.query(`CREATE ROLE rotating LOGIN PASSWORD 'the first @ of them'`);
    await admin.query(`DO $$ BEGIN
      EXECUTE format('COPY (VALUES (''host all rotating all scram-sha-256''), (''host all all all trust'')) TO %L',
        current_setting('hba_file'));
    END $$`);
    await admin.query('SELECT pg_reload_conf()');

    const directory = await mkdtemp(join(tmpdir(), 'rotated-password-'));
    t.after(() => rm(directory, { recursive: true }));
    const file = join(directory, 'database-url');
    const store = async (password: string) => {
      const url = new URL(postgres.url);
      url.username = 'rotating';
      url.password = encodeURIComponent(password);
      await writeFile(file, url.href);
    };
    await store('the first @ of them');
    const config = readConfig({
      ...{ schema, env: { DATABASE_URL_FILE: file }, prefix: 'DATABASE_', secrets: DATABASE_SECRETS },
    });
    const pool = createPool({
      ...{ url: config.DATABASE_URL, applicationName: 'rotating', maxConnections: 1, throughPooler },
      onConnectionError: () => {},
    });
    t.after(() => pool.end());
    const whoAmI = async () =>
      (await pool.query<{ name: string }>('SELECT current_user AS name')).rows[0]?.name;
    const endSessions = () =>
      admin.query(`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'rotating'`);

    await store('a wrong one');
    await eventually(() => assert.rejects(whoAmI, { code: '28P01' }));
    await store('the first @ of them');
    assert.equal(await whoAmI(), 'rotating');
    await admin.query(`ALTER ROLE rotating PASSWORD 'the second'`);
    assert.equal(await whoAmI(), 'rotating', 'a session goes on');
    await endSessions();
    // The pool may not have heard yet that the session has ended.
    await eventually(() => assert.rejects(whoAmI, { code: '28P01' }));
    await store('the second');
    assert.equal(await whoAmI(), 'rotating');
  });
}
