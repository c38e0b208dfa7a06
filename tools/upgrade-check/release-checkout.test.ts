import assert from 'node:assert/strict';
import { test } from 'node:test';
import { previousRelease, runsWith } from './release-checkout.ts';

test('the previous release is named by one commit', async () => {
  assert.match(await previousRelease(), /^[0-9a-f]{40}$/);
});

const ours = {
  packages: {
    '': { version: '2' },
    'packages/runtime': { version: '2' },
    'node_modules/@order-events/runtime': { resolved: 'packages/runtime', link: true },
    'node_modules/pg': { version: '8.1.0' },
    'node_modules/new': { version: '1.0.0' },
  },
};

test('a release runs with our packages when all that it runs with is here in the same version', () => {
  const theirs = {
    ...{ '': { version: '1' }, 'packages/runtime': { version: '1' } },
    'node_modules/@order-events/runtime': { resolved: 'packages/runtime', link: true },
    'node_modules/pg': { version: '8.1.0' },
    'node_modules/only-to-develop': { version: '3.0.0', dev: true },
  };
  assert.equal(runsWith({ packages: theirs }, ours), true);
  for (const other of [
    { 'node_modules/pg': { version: '8.0.0' } },
    { 'node_modules/gone': { version: '1.0.0' } },
    { 'apps/api/node_modules/pg': { version: '8.1.0' } },
  ]) {
    assert.equal(runsWith({ packages: { ...theirs, ...other } }, ours), false, JSON.stringify(other));
  }
});
