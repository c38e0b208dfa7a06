import assert from 'node:assert/strict';
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { differingVersions, projectVersion, setVersion } from './versions.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

test('the version of package.json is the version of everything', () => {
  assert.match(projectVersion(ROOT), /^\d+\.\d+\.\d+/);
  assert.deepEqual(differingVersions(ROOT), []);
});

test('the changelog tells of the version, or that it will be', () => {
  const version = projectVersion(ROOT).replaceAll('.', String.raw`\.`);
  const changelog = readFileSync(path.join(ROOT, 'CHANGELOG.md'), 'utf8');
  assert.match(
    changelog,
    new RegExp(String.raw`^## \[${version}\]|^## \[Unreleased\]\n\nWill be ${version}\b`, 'm'),
  );
});

test('another version is written everywhere, and a place that was forgotten is named', (t) => {
  const root = copyOfManifests(t);
  setVersion(root, '1.2.3-rc.1');
  assert.deepEqual(differingVersions(root), []);
  assert.equal(projectVersion(root), '1.2.3-rc.1');
  cpSync(path.join(ROOT, 'apps/api/package.json'), path.join(root, 'apps/api/package.json'));
  assert.match(
    differingVersions(root).join('\n'),
    /^apps\/api\/package\.json: version is .*, not 1\.2\.3-rc\.1$/m,
  );
});

test('what is no version is refused', (t) => {
  assert.throws(() => setVersion(copyOfManifests(t), 'v1.2'), /"v1\.2" is no version/);
});

function copyOfManifests(t: TestContext): string {
  const root = mkdtempSync(path.join(tmpdir(), 'versions-'));
  t.after(() => rmSync(root, { recursive: true }));
  const files = globSync(
    ['package.json', 'package-lock.json', '{apps,examples,packages}/*/package.json', 'ops/helm/*/Chart.yaml'],
    { cwd: ROOT },
  );
  for (const file of files) {
    mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    cpSync(path.join(ROOT, file), path.join(root, file));
  }
  return root;
}
