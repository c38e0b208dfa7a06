import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { TEST_KAFKA, type TestKafka } from './test-servers.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');

/** Runs whole test files again, on another Kafka. Throws with their output unless all their tests ran and passed. */
export async function runTestFiles(
  t: TestContext,
  files: readonly string[],
  kafka: TestKafka,
): Promise<void> {
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const runner = spawn(process.execPath, ['--test', '--test-reporter=tap', ...files], {
    cwd: REPOSITORY,
    env: { ...environment, [TEST_KAFKA]: JSON.stringify(kafka) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => runner.kill('SIGKILL'));
  const [output, [code]] = await Promise.all([text(runner.stdout), once(runner, 'exit')]);
  const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(output)?.[1]);
  assert.ok(code === 0 && count('pass') > 0 && count('pass') === count('tests'), output);
  t.diagnostic(`${count('pass')} tests in ${files.length} files`);
}
