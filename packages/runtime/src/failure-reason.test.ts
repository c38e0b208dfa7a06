import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonOf } from './failure-reason.ts';

test('of a host name with several addresses, what each of them said is told, and twice the same once', () => {
  const refused = (address: string) => new Error(`connect ECONNREFUSED ${address}`);
  const both = new AggregateError([refused('::1:1'), refused('127.0.0.1:1')]);
  assert.equal(reasonOf(both), 'connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1');
  assert.equal(
    reasonOf(new AggregateError([refused('::1:1'), refused('::1:1')])),
    'connect ECONNREFUSED ::1:1',
  );
});

test('something is always said', () => {
  assert.equal(reasonOf(new TypeError()), 'TypeError');
  assert.equal(reasonOf('why'), 'why');
});
