import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { ConfigError, describeConfig, readConfig } from './config.ts';

const schema = z.object({
  APP_PORT: z.coerce.number().int().min(0).max(65535).default(3000),
  APP_FAST: z.stringbool().default(false),
  DATABASE_URL: z.url({ protocol: /^postgres$/ }).default('postgres://localhost/app'),
});

function source(env: Record<string, string>) {
  return { schema, env, prefix: 'APP_', secrets: ['DATABASE_URL'] };
}

function faultsOf(env: Record<string, string>): string {
  try {
    readConfig(source(env));
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return assert.fail('the configuration was taken');
}

test('nothing set means the defaults, and so does an empty value', () => {
  assert.equal(readConfig(source({})).APP_PORT, 3000);
  assert.equal(readConfig(source({ APP_PORT: '' })).APP_PORT, 3000);
});

test('"false" is false', () => {
  assert.equal(readConfig(source({ APP_FAST: 'false' })).APP_FAST, false);
});

test('all faults are told at once, secrets are not', () => {
  const faults = faultsOf({
    APP_PORT: '99999',
    APP_FAST: 'perhaps',
    DATABASE_URL: 'mysql://root:hunter2@db',
  });
  assert.match(faults, /APP_PORT = "99999": /);
  assert.match(faults, /APP_FAST = "perhaps": /);
  assert.match(faults, /DATABASE_URL = \*\*\*: /);
  assert.doesNotMatch(faults, /hunter2/);
});

test('a misspelt setting is a fault that names the known ones', () => {
  assert.match(faultsOf({ APP_PROT: '1' }), /APP_PROT: no such setting; known are APP_PORT, APP_FAST/);
});

test('a secret may stand in a file, without the end of its line', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'secrets-'));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, 'url');
  await writeFile(file, 'postgres://root:hunter2@db/app\n');
  const given = source({ DATABASE_URL_FILE: file });
  const config = readConfig(given);
  assert.equal(config.DATABASE_URL, 'postgres://root:hunter2@db/app');
  assert.equal(describeConfig(given, config)['DATABASE_URL'], '*** (file)');

  assert.match(
    faultsOf({ DATABASE_URL_FILE: file, DATABASE_URL: 'postgres://db' }),
    /either it or DATABASE_URL/,
  );
  assert.match(
    faultsOf({ DATABASE_URL_FILE: join(directory, 'none') }),
    /DATABASE_URL_FILE = ".*none": ENOENT/,
  );
  assert.match(faultsOf({ APP_PORT_FILE: file }), /APP_PORT_FILE: no such setting/, 'only secrets');
  await writeFile(file, '\n');
  assert.match(faultsOf({ DATABASE_URL_FILE: file }), /the file is empty/);
  await writeFile(file, 'mysql://root:hunter2@db');
  assert.match(faultsOf({ DATABASE_URL_FILE: file }), /DATABASE_URL = \*\*\*: /);
  assert.doesNotMatch(faultsOf({ DATABASE_URL_FILE: file }), /hunter2/);
});

test('rules across settings are reported with the others', () => {
  const refine = () => ['APP_PORT: must not be 3000 on Sundays'];
  assert.throws(() => readConfig({ ...source({ APP_PROT: '1' }), refine }), /no such setting[^]*on Sundays/);
});

test('the effective settings show their origin and mask secrets', () => {
  const given = source({ APP_PORT: '81' });
  assert.deepEqual(describeConfig(given, readConfig(given)), {
    APP_PORT: '81 (env)',
    APP_FAST: 'false (default)',
    DATABASE_URL: '*** (default)',
  });
});
