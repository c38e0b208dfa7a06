import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireServerVersion } from './server-version.ts';

test('a server that is too old is refused by its name, and what is needed is said', () => {
  assert.throws(() => requireServerVersion(140_023), {
    name: 'UnsupportedServerError',
    message: /^PostgreSQL 14\.23 is too old: this needs 15 or newer .*; upgrade the server first$/,
  });
});

test('the oldest server that is tested with, and any newer one, is taken', () => {
  for (const versionNum of [150_000, 150_018, 180_004, 190_000]) requireServerVersion(versionNum);
});
