import type { TestContext } from 'node:test';
import pg from 'pg';
import { atFileEnd } from './file-end.ts';
import { testName } from './test-name.ts';
import { testPostgresUrl } from './test-servers.ts';

/** A database of the test's own; dropped when the tests of the file are over. */
export async function createTestDatabase(t: TestContext): Promise<{ url: string }> {
  const server = await testPostgresUrl();
  const name = testName(t);
  await withClient(server, (client) => client.query(`CREATE DATABASE "${name}"`));
  atFileEnd(() => withClient(server, (client) => client.query(`DROP DATABASE "${name}" WITH (FORCE)`)));
  return { url: urlOfDatabase(server, name) };
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
