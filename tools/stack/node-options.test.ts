import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NODE_OPTIONS } from './app-process.ts';

for (const [file, pattern] of [
  ['docker-compose.yml', /^ +NODE_OPTIONS: (.*)$/gm],
  ['ops/helm/order-events/values.yaml', /^ +nodeOptions: (.*)$/gm],
] as const) {
  test(`${file} runs relay and gateway with the same options for Node as the embedded stack`, () => {
    const text = readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
    const given = [...text.matchAll(pattern)].map(([, value]) => value);
    assert.deepEqual(given, Object.values(NODE_OPTIONS));
  });
}
