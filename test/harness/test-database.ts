import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { migrateToLatest } from '@order-events/database';
import pg from 'pg';
import { atFileEnd } from './file-end.ts';
import { testName } from './test-name.ts';
import { testPostgresUrl } from './test-servers.ts';

const MIGRATIONS = join(import.meta.dirname, '..', '..', 'migrations');
/** Any number that nothing else locks on the server of the tests. */
const TEMPLATE_LOCK = 736_127;

/** The template of this process's tests; the same for all files that run on one server. */
let template: Promise<string> | undefined;

/** A migrated database of the test's own; dropped when the tests of the file are over. */
export async function createTestDatabase(t: TestContext): Promise<{ url: string }> {
  const server = await testPostgresUrl();
  const source = await (template ??= migratedTemplate(server));
  const name = testName(t);
  await withClient(server, (client) => client.query(`CREATE DATABASE "${name}" TEMPLATE "${source}"`));
  atFileEnd(() =>
    withClient(server, (client) => client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)),
  );
  return { url: urlOfDatabase(server, name) };
}

/** Migrates once per server and set of migrations. A template is as quick to create from as the default one. */
async function migratedTemplate(server: string): Promise<string> {
  const name = `test_template_${await hashOfMigrations()}`;
  await withClient(server, async (client) => {
    // Test files run at the same time. The lock ends with the connection.
    await client.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    const { rows } = await client.query('SELECT datistemplate FROM pg_database WHERE datname = $1', [name]);
    // The mark is set last: without it the database is what an interrupted run left.
    if (rows[0]?.datistemplate) return;
    await client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
    await client.query(`CREATE DATABASE "${name}"`);
    await migrateToLatest(urlOfDatabase(server, name));
    await client.query(`ALTER DATABASE "${name}" IS_TEMPLATE true`);
  });
  return name;
}

async function hashOfMigrations(): Promise<string> {
  const hash = createHash('sha256');
  for (const file of (await readdir(MIGRATIONS)).sort()) {
    hash.update(file).update(await readFile(join(MIGRATIONS, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

function urlOfDatabase(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
