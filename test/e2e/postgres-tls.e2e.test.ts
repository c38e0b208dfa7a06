import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { apiConfig } from '../../apps/api/src/config.ts';
import { createOrderClient } from '../../apps/api/testing/order-client.ts';
import { relayConfig } from '../../apps/relay/src/config.ts';
import { COMPILE_CACHE } from '../../tools/stack/index.ts';
import { certificateFolder, createAuthority } from '../harness/certificates.ts';
import { createTestTopic, eventually, startApp, startPostgres } from '../harness/index.ts';
import { appEnv } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const CLEARTEXT = /DATABASE_URL: leads over a network without TLS, which production refuses/;

/** Runs the migrate job. */
function migrate(
  DATABASE_URL: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: unknown; said: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(REPOSITORY, 'packages/database/src/migrate-main.ts')],
      { env: { NODE_COMPILE_CACHE: COMPILE_CACHE, DATABASE_URL, ...env } },
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, said: stdout + stderr }),
    );
  });
}

/** The names under which programs are connected. */
async function connected(url: string): Promise<{ withTls: string[]; without: string[] }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; ssl: boolean }>(
      `SELECT DISTINCT application_name AS name, ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
       WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    );
    const named = (isWanted: boolean) => rows.filter(({ ssl }) => ssl === isWanted).map(({ name }) => name);
    return { withTls: named(true), without: named(false) };
  } finally {
    await client.end();
  }
}

test('with sslmode=verify-full everybody speaks to Postgres through TLS, and to no other server than the one of the certificate', async (t) => {
  const authority = await createAuthority(t);
  const postgres = await startPostgres(t, { tls: await authority.issue('postgres', 'DNS:localhost') });
  const otherCaFile = join(await certificateFolder(t), 'other.pem');
  await writeFile(otherCaFile, (await createAuthority(t, 'another authority')).ca);
  const urlOf = (host: string, parameters: string) =>
    `postgres://postgres@${host}:${postgres.port}/postgres?${parameters}`;
  const url = urlOf('localhost', `sslmode=verify-full&sslrootcert=${authority.caFile}`);
  const wrongAuthority = urlOf('localhost', `sslmode=verify-full&sslrootcert=${otherCaFile}`);
  const wrongName = urlOf('127.0.0.1', `sslmode=verify-full&sslrootcert=${authority.caFile}`);
  const { brokers, topic } = await createTestTopic(t);
  const envOf = (databaseUrl: string) => appEnv({ databaseUrl, brokers, topic });

  const REFUSED = [
    [wrongAuthority, /check sslrootcert in the database's URL/],
    [wrongName, /the host in the database's URL must be a name that stands in the server's certificate/],
  ] as const;
  for (const [refused, advice] of REFUSED) {
    const { code, said } = await migrate(refused);
    assert.equal(code, 1);
    assert.match(said, advice);
  }
  const migrated = await migrate(url);
  assert.deepEqual([migrated.code, /applied/.test(migrated.said)], [0, true], migrated.said);

  const api = await startApp(t, 'api', envOf(url).api);
  await startApp(t, 'relay', envOf(url).relay);
  await createOrderClient(api.urls.http).place();
  await assertTopicHoldsAll({ databaseUrl: postgres.url, brokers, topic });
  const { withTls, without } = await connected(postgres.url);
  assert.deepEqual(without, []);
  for (const name of ['api', 'wake-up notifier', 'wake-up listener']) assert.ok(withTls.includes(name), name);

  for (const [refused, advice] of REFUSED) {
    await assert.rejects(startApp(t, 'api', envOf(refused).api), advice);
    const relay = await startApp(t, 'relay', envOf(refused).relay);
    await eventually(() => assert.match(JSON.stringify(relay.logs()), advice));
    relay.kill('SIGKILL');
  }

  // An address of this machine that is not taken for one that never leaves it.
  const unverified = await migrate(urlOf('0.0.0.0', 'sslmode=no-verify'));
  assert.equal(unverified.code, 0);
  assert.match(
    unverified.said,
    /DATABASE_URL: whoever answers is taken for the database.*sslmode=verify-full/,
  );
});

test('production refuses a database over a network without TLS', async () => {
  const [NODE_ENV, DATABASE_URL] = ['production', 'postgres://orders@db/orders'];
  for (const read of [apiConfig, relayConfig]) {
    assert.throws(() => read({ NODE_ENV, DATABASE_URL }), CLEARTEXT, read.name);
  }
  const { code, said } = await migrate(DATABASE_URL, { NODE_ENV });
  assert.equal(code, 78);
  assert.match(said, CLEARTEXT);
});
