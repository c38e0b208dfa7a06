import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDatabaseAway, isDatabaseClosed } from './database-away.ts';

function withCode(code: string): Error {
  return Object.assign(new Error('from the server'), { code });
}

test('a server that is gone, starting, full or overtaxed is away', () => {
  for (const code of [
    'ECONNREFUSED',
    '08006',
    '53100',
    '53300',
    '57P01',
    '57P03',
    '57014',
    '58030',
    '58P01',
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
  const readOnly = new Error('could not extend file "base/5/16384": Read-only file system');
  assert.equal(isDatabaseAway(Object.assign(readOnly, { code: '42501' })), true);
});

test('a wrong statement, password or program is not', () => {
  for (const code of ['23505', '42P01', '28P01', '22021', '3D000']) {
    assert.equal(isDatabaseAway(withCode(code)), false, code);
  }
  assert.equal(isDatabaseAway(new TypeError('x is not a function')), false);
  assert.equal(isDatabaseAway('Connection terminated'), false);
  assert.equal(isDatabaseAway(new AggregateError([new Error('no')])), false);
});

test('a server that lets nobody in is closed, and not away: who starts with a wrong password is told so', () => {
  for (const code of ['28000', '28P01', '3D000']) {
    assert.equal(isDatabaseClosed(withCode(code)), true, code);
    assert.equal(isDatabaseAway(withCode(code)), false, code);
  }
  for (const code of ['42501', '57P03', 'ECONNREFUSED']) {
    assert.equal(isDatabaseClosed(withCode(code)), false, code);
  }
});
