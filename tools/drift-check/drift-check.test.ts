import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { createFixtureProject } from '../fixture-project.ts';
import { checkDrift } from './drift-check.ts';
import { listFixtures } from './fixtures.ts';

const BASE = path.join(import.meta.dirname, 'fixtures/base');
/** `make drift-check` judges each of them. */
const fixtures = listFixtures();

test('every rule has fixtures, and every group of fixtures is a rule', async (t) => {
  const project = await createFixtureProject([BASE]);
  t.after(() => project.remove());
  const { results, findings } = checkDrift(project.root);
  assert.deepEqual(findings, []);
  const proven = new Set(fixtures.map((fixture) => fixture.rule).filter((rule) => rule !== undefined));
  assert.deepEqual([...new Set(results.map((result) => result.rule))].sort(), [...proven].sort());
});

for (const [gone, rules] of [
  ['apps/api/src/orders/service.ts', ['write-then-append']],
  ['apps/api/src/orders/outbox-writer.ts', ['outbox-insert', 'write-signatures', 'write-then-append']],
  ['apps/api/src/orders/relay-wake-up.ts', ['wake-up-failure-contained']],
  ['apps/relay/src/publish', ['publish-failure-contained']],
  ['packages/messaging/src', ['messaging-imports-domain-only']],
  ['packages/outbox/src', ['outbox-update']],
] as const) {
  test(`reports the rules that are blind without ${gone}`, async (t) => {
    const project = await createFixtureProject([BASE]);
    t.after(() => project.remove());
    await rm(path.join(project.root, gone), { recursive: true });
    const blind = checkDrift(project.root).findings.filter((finding) =>
      finding.message.startsWith('the rule matched nothing'),
    );
    assert.deepEqual(blind.map((finding) => finding.rule).sort(), rules);
  });
}

test('a finding names file, line, rule and the mend', async (t) => {
  const evasion = path.join(import.meta.dirname, 'fixtures/publish-failure-contained/without-try');
  const project = await createFixtureProject([BASE, evasion]);
  t.after(() => project.remove());
  const [finding] = checkDrift(project.root).findings;
  assert.equal(finding?.file, 'apps/relay/src/publish/partition-writer.ts');
  assert.equal(finding.line, 7);
  assert.match(finding.message, /outside a try of the same function: write `try \{ await publisher\.publish/);
});
