import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import type module from '@balena/dockerignore';
import { parse } from 'yaml';

// The package says in its types that it has a default export, and has none.
const dockerIgnore: typeof module.default = createRequire(import.meta.url)('@balena/dockerignore');
const ROOT = path.resolve(import.meta.dirname, '../..');
const ignored = dockerIgnore().add(readFileSync(path.join(ROOT, '.dockerignore'), 'utf8'));
/** As a clean checkout has it: what lies about in others is of the second test. */
const FILES = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
const SENT = FILES.filter((file) => !ignored.ignores(file));

test('tests, pages and what was generated for reading stay out of the image', () => {
  const unwanted =
    /\.test\.ts$|(^|\/)(test|testing)\/|\.md$|openapi\.json$|asyncapi\.json$|\.py$|^(docs|ops|tools|proto)\//;
  assert.deepEqual(
    SENT.filter((file) => unwanted.test(file)),
    [],
  );
});

for (const file of [
  ...[
    '.env',
    'apps/api/.env.production',
    '.npmrc.bak',
    '.git/config',
    'notifications.token',
    'apps/relay/some.token',
  ],
  ...[
    'apps/api/node_modules/express/index.js',
    'node_modules/pg/package.json',
    'packages/outbox/debug.log',
    '.stack/x',
  ],
]) {
  test(`${file} stays out of the image, if there is one`, () => assert.ok(ignored.ignores(file)));
}

test('what is sent is enough for every process to start, with the dependencies of production alone', async (t) => {
  const image = imageFolder(t);
  const compose = parse(readFileSync(path.join(ROOT, 'docker-compose.yml'), 'utf8'));
  const services: { command?: string[]; entrypoint?: string[] }[] = Object.values(compose.services);
  const mains = services
    .map(({ command, entrypoint }) => (entrypoint ?? command ?? [])[1] ?? '')
    .filter((file) => file.endsWith('main.ts'));
  assert.ok(mains.length >= 8, mains.join());
  await Promise.all(mains.map((main) => startsUp(image, main)));
});

/** A process that has loaded all of its sources refuses a setting; one that lacks a file does not get so far. */
async function startsUp(image: string, main: string): Promise<void> {
  const env = { ...WRONG_SETTINGS, PATH: process.env['PATH'] };
  const run = promisify(execFile)(process.execPath, [main, 'status'], { cwd: image, env });
  const { code, stderr } = await run.then(
    () => ({ code: 0, stderr: '' }),
    (error: { code?: number; stderr: string }) => ({ code: error.code, stderr: error.stderr }),
  );
  assert.match(
    stderr,
    /LOG_LEVEL = "loud"|KAFKA_TOPIC = "not a topic"|MIGRATE_WAIT_MS = "-1"/,
    `${main}: ${code} ${stderr}`,
  );
}

const WRONG_SETTINGS = { LOG_LEVEL: 'loud', KAFKA_TOPIC: 'not a topic', MIGRATE_WAIT_MS: '-1' };

/** A folder like the image's: the files that are sent, and of node_modules what is not for development only. */
function imageFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'image-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const file of SENT) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    cpSync(path.join(ROOT, file), path.join(folder, file));
  }
  const lock: { packages: Record<string, { dev?: boolean; link?: boolean; resolved?: string }> } = JSON.parse(
    readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'),
  );
  for (const [at, { dev, link, resolved }] of Object.entries(lock.packages)) {
    if (!/^node_modules\/(@[^/]+\/)?[^/]+$/.test(at) || dev) continue;
    const target = link ? path.join(folder, resolved ?? '') : path.join(ROOT, at);
    mkdirSync(path.dirname(path.join(folder, at)), { recursive: true });
    symlinkSync(target, path.join(folder, at));
  }
  assert.ok(readdirSync(path.join(folder, 'node_modules')).length > 10);
  return folder;
}
