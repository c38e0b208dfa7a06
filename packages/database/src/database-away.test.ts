import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDatabaseAway } from './database-away.ts';

function withCode(code: string): Error {
  return Object.assign(new Error('from the server'), { code });
}

test('a server that is gone, starting, full or overtaxed is away', () => {
  for (const code of [
    'ECONNREFUSED',
    '08006',
    '53300',
    '57P01',
    '57P03',
    '57014',
    '55P03',
    '25006',
    '40P01',
  ]) {
    assert.equal(isDatabaseAway(withCode(code)), true, code);
  }
  for (const message of [
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
  ]) {
    assert.equal(isDatabaseAway(new Error(message)), true, message);
  }
  assert.equal(isDatabaseAway(new AggregateError([withCode('ECONNREFUSED')])), true);
});

test('a wrong statement, password or program is not', () => {
  for (const code of ['23505', '42P01', '28P01', '22021', '3D000']) {
    assert.equal(isDatabaseAway(withCode(code)), false, code);
  }
  assert.equal(isDatabaseAway(new TypeError('x is not a function')), false);
  assert.equal(isDatabaseAway('Connection terminated'), false);
  assert.equal(isDatabaseAway(new AggregateError([new Error('no')])), false);
});
