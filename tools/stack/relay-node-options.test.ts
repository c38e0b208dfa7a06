import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RELAY_NODE_OPTIONS } from './app-process.ts';

test('the Compose file runs the relay with the same options for Node as the embedded stack', () => {
  const file = join(import.meta.dirname, '../../docker-compose.yml');
  const given = [...readFileSync(file, 'utf8').matchAll(/^ +NODE_OPTIONS: (.*)$/gm)].map(
    ([, value]) => value,
  );
  assert.deepEqual(given, [RELAY_NODE_OPTIONS]);
});
