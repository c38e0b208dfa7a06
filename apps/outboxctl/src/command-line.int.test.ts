import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestDatabase } from '../../../test/harness/index.ts';
import { findFreePort } from '../../../tools/stack/index.ts';
import { runOutboxctl, startOutboxctl } from '../testing/run-outboxctl.ts';
import { COMMANDS } from './commands/index.ts';

test('without a command it shows on stderr what there is, and it is a mistake', async () => {
  const { code, stdout, stderr } = await runOutboxctl({});
  assert.equal(code, 2);
  assert.equal(stdout, '');
  for (const { name } of COMMANDS) assert.match(stderr, new RegExp(`^  ${name}`, 'm'));
});

test('help and version are data, and need no server', async (t) => {
  const help = await runOutboxctl({}, '--help');
  assert.deepEqual([help.code, help.stderr], [0, '']);
  assert.match(help.stdout, /Exit codes/);
  const version = await startOutboxctl(t, {}, '--version').ended;
  assert.deepEqual(version, { code: 0, stdout: '0.1.0\n', stderr: '' });
  const own = await runOutboxctl({}, 'parked', 'discard', '--help');
  assert.deepEqual([own.code, own.stderr], [0, '']);
  assert.match(own.stdout, /^Usage: outboxctl parked discard <event id> \| --key <key> \[options\]$/m);
  assert.match(own.stdout, /^ {2}--key <key> +all parked events of this key/m);
});

for (const [what, args, message] of [
  ['an unknown command', ['paus'], /no such command: "paus"/],
  ['half a command', ['parked'], /"parked" needs one of: parked list/],
  ['an unknown option', ['status', '--now'], /Unknown option '--now'.*\nsee: outboxctl status --help/s],
  ['too many arguments', ['status', '3'], /unexpected argument "3"/],
  [
    'a duration without a unit',
    ['status', '--max-pending-age', '10'],
    /--max-pending-age must be a duration/,
  ],
] as const) {
  test(`wrong usage ends with 2: ${what}`, async (t) => {
    const { url } = await createTestDatabase(t);
    const { code, stdout, stderr } = await runOutboxctl({ DATABASE_URL: url }, ...args);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, message);
  });
}

test('wrong settings end with 2, all of them named and no password shown', async () => {
  const env = { DATABASE_URL: 'mysql://root:hunter2@127.0.0.1/orders', KAFKA_BROKERS: 'kafka' };
  const { code, stdout, stderr } = await runOutboxctl(env, 'status');
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /DATABASE_URL/);
  assert.match(stderr, /KAFKA_BROKERS/);
  assert.doesNotMatch(stderr, /hunter2/);
});

test('a database that is away is told in one line, and ends with 1', async () => {
  const url = `postgres://orders:hunter2@127.0.0.1:${await findFreePort()}/orders`;
  const { code, stdout, stderr } = await runOutboxctl({ DATABASE_URL: url }, 'status');
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^outboxctl: .*ECONNREFUSED.*\n$/);
  assert.doesNotMatch(stderr, /hunter2/);
});
