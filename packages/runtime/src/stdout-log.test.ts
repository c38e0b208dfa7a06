import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';

function crash(t: TestContext) {
  const script = join(import.meta.dirname, '..', 'testing', 'crashing-process.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => void child.kill('SIGKILL'));
  return child;
}

test('a process that crashes writes all its lines, the last one too, when its reader is slow', async (t) => {
  const child = crash(t);
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  assert.equal(code, 1);
  const lines = output.trimEnd().split('\n');
  const last = JSON.parse(lines.at(-1) ?? '') as { level: string; err: { message: string } };
  assert.deepEqual([last.level, last.err.message], ['fatal', 'nobody thought of this']);
  assert.equal(lines.filter((line) => line.includes('"number"')).length, 2_000);
});

test('a process ends that nobody reads', async (t) => {
  const child = crash(t);
  const [code] = await once(child, 'exit');
  assert.equal(code, 1);
});
