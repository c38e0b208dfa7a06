import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const ROOT = path.resolve(import.meta.dirname, '../..');

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

test('docs/dependencies.md justifies each direct dependency and no other', () => {
  const manifests = ['package.json', ...globSync('{apps,examples,packages}/*/package.json', { cwd: ROOT })];
  const declared = manifests.flatMap((file) => {
    const manifest: Manifest = JSON.parse(readFileSync(path.join(ROOT, file), 'utf8'));
    return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  });
  const external = new Set(declared.filter((name) => !name.startsWith('@order-events/')));
  const rows = readFileSync(path.join(ROOT, 'docs/dependencies.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const justified = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1]!),
  );
  assert.deepEqual(justified.sort(), [...external].sort());
});
