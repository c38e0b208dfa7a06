import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { ConfigError } from '@order-events/runtime';
import { databaseAccess, databaseFaults, databaseSettings } from './database-config.ts';
import { migrateConfig } from './migrate-config.ts';

const schema = z.object(databaseSettings);
const accessOf = (env: Record<string, string>) => databaseAccess(schema.parse(env));

test('one URL serves for everything, unless a pooler is in between', () => {
  const server = 'postgres://127.0.0.1/orders';
  const pooler = 'postgres://localhost:6432/orders';
  assert.deepEqual(accessOf({ DATABASE_URL: server }), {
    url: server,
    directUrl: server,
    throughPooler: false,
    warnings: [],
  });
  assert.deepEqual(accessOf({ DATABASE_URL: pooler, DATABASE_DIRECT_URL: server }), {
    url: pooler,
    directUrl: server,
    throughPooler: true,
    warnings: [],
  });
});

const faultsInProduction = (env: Record<string, string>) =>
  databaseFaults({ ...schema.parse(env), NODE_ENV: 'production' }).join();

for (const [what, url, refused, warned] of [
  ['nothing about TLS', 'postgres://db/orders', true, true],
  ['TLS turned off', 'postgres://db/orders?sslmode=disable', true, true],
  ['an address of a network', 'postgres://10.0.0.7/orders', true, true],
  ['a host among the parameters', 'postgres://localhost/orders?host=db', true, true],
  ['TLS that checks nothing', 'postgres://db/orders?sslmode=no-verify', false, true],
  [
    'TLS that checks nothing, as libpq has it',
    'postgres://db/orders?uselibpqcompat=true&sslmode=require',
    false,
    true,
  ],
  ['TLS', 'postgres://db/orders?sslmode=verify-full', false, false],
  ['this machine', 'postgres://[::1]/orders', false, false],
  ['a socket', 'postgres:///orders?host=/var/run/postgresql', false, false],
] as const) {
  test(`a URL with ${what}: ${refused ? '' : 'not '}refused in production, ${warned ? '' : 'not '}warned of`, () => {
    const env = { DATABASE_URL: 'postgres://127.0.0.1/orders', DATABASE_DIRECT_URL: url };
    assert.equal(/^DATABASE_DIRECT_URL: .*DATABASE_CLEARTEXT/.test(faultsInProduction(env)), refused);
    assert.equal(faultsInProduction({ ...env, DATABASE_CLEARTEXT: 'accept' }), '');
    assert.deepEqual(databaseFaults({ ...schema.parse(env), NODE_ENV: 'development' }), []);
    assert.equal(accessOf(env).warnings.length, warned ? 1 : 0);
  });
}

test('certificates that cannot be read are a fault, which tells no password', () => {
  const faults = databaseFaults({
    ...schema.parse({
      DATABASE_URL: 'postgres://a:hunter2@db/orders?sslmode=verify-full&sslrootcert=/no/ca.pem',
    }),
    NODE_ENV: 'development',
  }).join();
  assert.match(faults, /DATABASE_URL: ENOENT.*ca\.pem/);
  assert.doesNotMatch(faults, /hunter2/);
});

test('the database of development is refused in production', () => {
  const config = schema.parse({});
  assert.deepEqual(databaseFaults({ ...config, NODE_ENV: 'development' }), []);
  assert.match(databaseFaults({ ...config, NODE_ENV: 'production' }).join(), /DATABASE_URL: must be set/);
});

for (const [what, url] of [
  ['in front of the path', 'postgres://a:hunter2@db-1,db-2/orders'],
  ['with ports', 'postgres://a:hunter2@db-1:5432,db-2:5432/orders?target_session_attrs=read-write'],
  ['among the parameters', 'postgres:///orders?host=db-1,db-2&password=hunter2'],
] as const) {
  test(`a list of hosts ${what} is refused, with what does instead`, () => {
    for (const name of ['DATABASE_URL', 'DATABASE_DIRECT_URL']) {
      const said = startFault({ [name]: url });
      assert.match(
        said,
        new RegExp(String.raw`${name}( = \*\*\*)?: .*one host.*virtual address, a proxy or PgBouncer`),
      );
      assert.doesNotMatch(said, /hunter2/);
    }
  });
}

test('a comma that is in no host is no list of hosts', () => {
  const url = 'postgres://a:hunter,2@localhost/orders?options=-c%20search_path%3Dshop,public';
  assert.equal(migrateConfig({ DATABASE_URL: url }).url, url);
});

/** What a process says that reads these settings. */
function startFault(env: Record<string, string>): string {
  try {
    migrateConfig(env);
    return 'taken';
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
}
