import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { findTestFiles, selectTestFiles, SUITES, type TestFile } from './test-files.ts';

const FILES: TestFile[] = [
  { path: 'apps/relay/src/lease.test.ts', suite: 'unit' },
  { path: 'apps/relay/src/reader.int.test.ts', suite: 'int' },
  { path: 'test/e2e/path.e2e.test.ts', suite: 'e2e' },
];

test('the suffix of a file tells its suite', () => {
  const found = new Map(
    findTestFiles(join(import.meta.dirname, '..')).map(({ path, suite }) => [path, suite]),
  );
  assert.equal(found.get('test-run/test-files.test.ts'), 'unit');
  assert.equal(found.get('stack/embedded-kafka.int.test.ts'), 'int');
});

test('files are chosen by suite and by a part of their path', () => {
  const paths = (...choice: Parameters<typeof selectTestFiles>) =>
    selectTestFiles(...choice).map(({ path }) => path);
  assert.deepEqual(
    paths(FILES, SUITES, []),
    FILES.map(({ path }) => path),
  );
  assert.deepEqual(paths(FILES, ['int', 'e2e'], []), [
    'apps/relay/src/reader.int.test.ts',
    'test/e2e/path.e2e.test.ts',
  ]);
  assert.deepEqual(
    paths(FILES, SUITES, ['./apps/relay', 'path.e2e']),
    FILES.map(({ path }) => path),
  );
  assert.deepEqual(paths(FILES, ['unit'], ['reader']), []);
});

test('a run that finds no test fails', async () => {
  const runTests = join(import.meta.dirname, '..', 'run-tests.ts');
  const run = promisify(execFile)(process.execPath, [runTests, 'no-such-test']);
  await assert.rejects(run, { code: 1, stderr: 'no test found (suite all, no-such-test)\n' });
});
