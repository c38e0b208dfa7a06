import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { checkDocs } from './check-docs.ts';
import { headingAnchors } from './markdown-links.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

const TABLE = `# Architecture

| folder | has |
|---|---|
| \`packages/domain/src\` | orders |
| \`apps/api/src\`, \`apps/api/src/http\` | routes |
`;

/** A project with nothing to complain about, and `files` beside or instead. */
function project(t: TestContext, files: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(path.join(tmpdir(), 'check-docs-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const whole = {
    'docs/architecture.md': TABLE,
    'packages/domain/README.md': '',
    'packages/domain/src/order.ts': '',
    'apps/api/README.md': '',
    'apps/api/src/http/routes.ts': '',
    ...files,
  };
  for (const [file, text] of Object.entries(whole)) {
    mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  }
  return root;
}

const problemsOf = (t: TestContext, files: Readonly<Record<string, string>>) =>
  checkDocs(project(t, files)).problems;

test('every page of this repository links to what is there, and describes what is there', () => {
  const { problems, pages } = checkDocs(ROOT);
  assert.ok(pages > 20, String(pages));
  assert.deepEqual(problems, []);
});

test('nothing is found where nothing is wrong', (t) => {
  const page = [
    '# Title',
    'See [the table](docs/architecture.md), [its title](docs/architecture.md#architecture), [here](#a-part),',
    '[a folder](docs/), [the web](https://example.org/nothing), `docs/architecture.md` and `apps/<name>/src`.',
    '`[not a link](nowhere.md)`',
    '## A part',
    '```',
    '[not a link](nowhere.md) `docs/nothing.md`',
    '# not a heading',
    '```',
    '[ref]: docs/architecture.md "title"',
  ].join('\n');
  assert.deepEqual(problemsOf(t, { 'README.md': page }), []);
});

for (const [text, found] of [
  ['[x](nowhere.md)', 'README.md:2: nowhere.md: there is no nowhere.md'],
  ['[`x`](docs/nowhere.md) and so on', 'README.md:2: docs/nowhere.md: there is no docs/nowhere.md'],
  ['![x](docs/picture.svg)', 'README.md:2: docs/picture.svg: there is no docs/picture.svg'],
  ['[x]: nowhere.md', 'README.md:2: nowhere.md: there is no nowhere.md'],
  ['[x](../outside.md)', 'README.md:2: ../outside.md: leads out of the repository'],
  ['[x](#nothing)', 'README.md:2: #nothing: README.md has no heading of this anchor'],
  [
    '[x](docs/architecture.md#nothing)',
    'README.md:2: docs/architecture.md#nothing: docs/architecture.md has no heading of this anchor',
  ],
  ['[x](docs#part)', 'README.md:2: docs#part: docs has no headings to lead to'],
  ['`docs/gone.md`', 'README.md:2: docs/gone.md: there is no such file or folder'],
] as const) {
  test(`a broken link is found: ${text}`, (t) => {
    assert.deepEqual(problemsOf(t, { 'README.md': `# Title\n${text}\n` }), [found]);
  });
}

test('a link is followed from the folder of its page', (t) => {
  const problems = problemsOf(t, { 'docs/a.md': '[x](architecture.md) [y](../docs/b.md) [z](docs/a.md)' });
  assert.deepEqual(problems, [
    'docs/a.md:1: ../docs/b.md: there is no docs/b.md',
    'docs/a.md:1: docs/a.md: there is no docs/docs/a.md',
  ]);
});

test('anchors are those of GitHub', () => {
  const text = '# `a`, b & C\n## [x](y.md): z\n### Same\n### Same\n```\n# code\n```\n## Über uns_1 — 2';
  assert.deepEqual([...headingAnchors(text)], ['a-b--c', 'x-z', 'same', 'same-1', 'über-uns_1--2']);
});

test('a package, an app or an example without a README.md is found', (t) => {
  const problems = problemsOf(t, { 'packages/new/package.json': '', 'examples/demo/a.py': '' });
  assert.deepEqual(
    problems.map((problem) => problem.replace(/: say .*/, '')),
    ['examples/demo: has no README.md', 'packages/new: has no README.md'],
  );
});

test('a folder of sources that the architecture leaves out is found, and one that it names and that is gone', (t) => {
  const left = problemsOf(t, { 'apps/api/src/orders/deep/x.ts': '', 'apps/api/src/gen/a/b.ts': '' });
  assert.deepEqual(
    left.map((problem) => problem.split(':')[0]),
    ['apps/api/src/gen', 'apps/api/src/gen/a', 'apps/api/src/orders', 'apps/api/src/orders/deep'],
  );
  const page = `${TABLE}| \`packages/gone/src\` | nothing |\n| \`apps/api/src/gen\` | generated |\n`;
  const gone = problemsOf(t, { 'docs/architecture.md': page, 'apps/api/src/gen/a/b.ts': '' });
  assert.deepEqual(gone, [
    'docs/architecture.md:7: packages/gone/src: there is no such file or folder',
    'docs/architecture.md: its table names packages/gone/src, which is not there',
  ]);
});

test('the glossary has each word once, in the order of the alphabet', () => {
  const page = readFileSync(path.join(ROOT, 'docs/glossary.md'), 'utf8');
  const words = [...page.matchAll(/^\| ([^|⚠]+?) ⚠? ?\| (?!means)/gm)].map(([, word]) => word!);
  assert.ok(words.length > 80, String(words.length));
  assert.deepEqual(words, [...new Set(words)].sort(new Intl.Collator('en').compare));
});
