import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import { eventually } from '../../test/harness/eventually.ts';
import { isAlive } from '../stack/process-table.ts';

const RUN_TESTS = join(import.meta.dirname, '..', 'run-tests.ts');
const BEGIN = "import test from 'node:test';\n";
const PASSES = `${BEGIN}test('holds', () => {});\n`;
const FAILS = `${BEGIN}test('holds', () => {}); test('does not hold', () => { throw new Error('a wrong total'); });\n`;
/** Longer than the limit on silence, but with a sign of life now and then. */
const IS_SLOW = `${BEGIN}
for (let step = 0; step < 6; step += 1) test('step ' + step, () => new Promise((done) => setTimeout(done, 500)));\n`;
const HANGS = `${BEGIN}import { writeFileSync } from 'node:fs';
test('comes first', () => {});
test('waits for ever', () => { writeFileSync('hanging', String(process.pid)); setInterval(() => {}, 1000); return new Promise(() => {}); });
test('comes after it', () => {});\n`;
const CRASHES = 'throw new Error("while it is loaded");\n';
const LEAVES = `${BEGIN}test('holds', () => {});
test('leaves', () => { setTimeout(() => process.exit(0), 500); return new Promise(() => {}); });
test('is left out', () => {});\n`;
/** A suite behind a test that takes its time. */
const SUITE = `import test, { suite } from 'node:test';
test('comes first', () => new Promise((done) => setTimeout(done, 200)));
suite('a suite', { concurrency: true }, () => { test('one of it', async () => {}); test('another', async () => {}); });\n`;
const STAYS = `${BEGIN}test('holds', () => {}); setInterval(() => {}, 1000);\n`;

/** A folder with these test files, and what the runner does there. */
async function startRun(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  env: Record<string, string> = {},
) {
  const root = await mkdtemp(join(tmpdir(), 'test run-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  await writeFile(join(root, 'package.json'), '{ "type": "module" }');
  for (const [name, source] of Object.entries(files)) await writeFile(join(root, `${name}.test.ts`), source);
  const child = spawn(process.execPath, [RUN_TESTS, '--root', root], {
    env: { ...process.env, TEST_CONCURRENCY: '2', TEST_SILENCE_LIMIT_MS: '2000', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([stdout, stderr, [code]]) => ({ code: code as number | null, output: stdout + stderr }),
  );
  return { root, child, ended };
}

test('a file that hangs, one that is slow, one that fails: each is reported as what it is', async (t) => {
  const { ended } = await startRun(t, {
    ...{ passes: PASSES, fails: FAILS, slow: IS_SLOW, hangs: HANGS },
    ...{ crashes: CRASHES, stays: STAYS, leaves: LEAVES, suite: SUITE, empty: '' },
  });
  const { code, output } = await ended;
  const [, last = ''] = output.split('slowest files:');

  assert.equal(code, 1);
  assert.match(output, /ok +[\d.]+ s {2}slow\.test\.ts \(6 passed\)/);
  assert.match(output, /FAILED +[\d.]+ s {2}fails\.test\.ts \(1 passed, 1 failed\)[^]*Error: a wrong total/);
  assert.match(last, /failed: fails\.test\.ts\n {2}✖ does not hold\n {6}a wrong total\n/);
  assert.match(
    last,
    /failed: crashes\.test\.ts\n {2}✖ .*while it is loaded|failed: crashes\.test\.ts\n {2}✖ the file itself/,
  );
  assert.match(
    last,
    /failed: leaves\.test\.ts\n {2}✖ the process ended in “leaves”, and left out what comes after it\n/,
  );
  assert.match(last, /failed: empty\.test\.ts\n {2}✖ there is no test in the file\n/);
  assert.match(
    last,
    /ended by the limit on silence: hangs\.test\.ts\n {2}✖ no sign of life for \d+ s in “waits for ever”; what comes after it in the file was not run\n.*\n.*TEST_SILENCE_LIMIT_MS/,
  );
  assert.match(
    last,
    /ended by the limit on silence: stays\.test\.ts\n {2}✖ no sign of life for \d+ s outside of its tests/,
  );
  assert.match(output, /ok +[\d.]+ s {2}suite\.test\.ts \(3 passed\)/);
  assert.match(last, /9 of 9 files in [\d.]+ s, no server needed\n14 passed, 6 failed\n$/);
});

test('an interrupted run says what was not run, and leaves no process behind', async (t) => {
  const { root, child, ended } = await startRun(
    t,
    { a: HANGS, b: PASSES, c: PASSES },
    { TEST_CONCURRENCY: '1', TEST_SILENCE_LIMIT_MS: '600000' },
  );
  const pid = await eventually(async () => {
    const written = Number(await readFile(join(root, 'hanging'), 'utf8'));
    assert.ok(written > 0);
    return written;
  });
  assert.ok(isAlive(pid));
  child.kill('SIGINT');
  const { code, output } = await ended;
  assert.equal(code, 130);
  assert.ok(!isAlive(pid));
  assert.match(
    output,
    /3 files not run to their end, because the run was interrupted:\n {2}a\.test\.ts \(was running\)\n {2}b\.test\.ts\n {2}c\.test\.ts\n0 of 3 files in .*\n[01] passed, 0 failed\n$/,
  );
});

test('the next run says how long this one took, and begins with the longest', async (t) => {
  const { root, ended } = await startRun(t, { a: PASSES, b: IS_SLOW });
  assert.match((await ended).output, /how long it takes is not known/);
  const again = spawn(process.execPath, [RUN_TESTS, '--root', root], {
    env: { ...process.env, TEST_CONCURRENCY: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => again.kill('SIGKILL'));
  const output = await text(again.stdout);
  assert.match(output, /The last time it took \d+ s\./);
  assert.match(output, /\[1\/2\] ok .* b\.test\.ts[^]*\[2\/2\] ok .* a\.test\.ts/);
});
