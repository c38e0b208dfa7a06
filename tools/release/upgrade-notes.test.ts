import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const ROOT = path.resolve(import.meta.dirname, '../..');

test('docs/upgrading.md says of each migration what it does to the version before', () => {
  const migrations = globSync('migrations/[0-9]*_*.sql', { cwd: ROOT }).map((file) =>
    path.basename(file, '.sql'),
  );
  const page = readFileSync(path.join(ROOT, 'docs/upgrading.md'), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `0'));
  const noted = rows.map((row) => /`(\w+)`/.exec(row)?.[1]);
  assert.deepEqual(noted, migrations.sort());
  // What it adds, what it locks, and what the version before meets.
  for (const row of rows)
    assert.ok(
      row
        .split('|')
        .slice(2, 5)
        .every((cell) => cell.trim() !== ''),
      row,
    );
});
