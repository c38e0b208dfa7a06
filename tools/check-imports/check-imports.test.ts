import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFixtureProject } from '../fixture-project.ts';
import { checkFixture } from './check-fixture.ts';
import { checkImports, RULES_FILE } from './check-imports.ts';

async function fixtureRoot(t: TestContext): Promise<string> {
  const project = await createFixtureProject([path.join(import.meta.dirname, 'fixture')]);
  t.after(() => project.remove());
  return project.root;
}

test('every import rule rejects its known-bad files and nothing else', async () => {
  assert.deepEqual(await checkFixture(), []);
});

test('a rule whose folder is gone is a finding', async (t) => {
  const root = await fixtureRoot(t);
  await rm(path.join(root, 'apps/relay/src/publish'), { recursive: true });
  const { findings } = await checkImports(root);
  const blind = findings.filter((finding) => finding.message.includes('matches no file'));
  assert.deepEqual(
    blind.map((finding) => finding.rule),
    ['publish-never-sees-sql'],
  );
});

test('a file that the rules do not look at is a finding', async (t) => {
  const root = await fixtureRoot(t);
  const narrowed = path.join(root, 'narrowed.mjs');
  await writeFile(
    narrowed,
    `import rules from ${JSON.stringify(RULES_FILE)};
     export default { ...rules, options: { ...rules.options, exclude: { path: 'service\\\\.ts$' } } };`,
  );
  const { findings } = await checkImports(root, narrowed);
  const unseen = findings.filter((finding) => finding.rule === 'every-file-is-seen');
  assert.deepEqual(
    unseen.map((finding) => finding.file),
    ['apps/api/src/orders/service.ts'],
  );
});
