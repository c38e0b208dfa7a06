import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'node:test';
import { createTestDatabase, eventually, startApp } from './index.ts';

const STACK_MODULE = join(import.meta.dirname, '..', '..', 'tools', 'stack', 'index.ts');

test('an app runs on ports of its own and ends with its code', async (t) => {
  const { url } = await createTestDatabase(t);
  const [first, second] = await Promise.all([
    startApp(t, 'api', { DATABASE_URL: url }),
    startApp(t, 'api', { DATABASE_URL: url }),
  ]);
  assert.notEqual(first.urls.http, second.urls.http);
  assert.equal((await fetch(`${first.urls.admin}/livez`)).status, 200);
  assert.equal(first.urls.grpc, '');

  first.kill();

  assert.deepEqual(await first.exited, { code: 0, signal: null });
  assert.ok(first.logs().some((line) => line.msg === 'stopped'));
});

test('an app that does not start is an error that shows its log', async (t) => {
  const start = startApp(t, 'api', { API_PORT: 'not-a-port' });
  await assert.rejects(start, /api did not start:[^]*API_PORT = \\"not-a-port\\"/);
});

test('an app ends with its owner, even when that is killed', async (t) => {
  const { url } = await createTestDatabase(t);
  const script = `
    const { startAppProcess } = await import(${JSON.stringify(STACK_MODULE)});
    const { urls } = await startAppProcess('api', { DATABASE_URL: ${JSON.stringify(url)} });
    console.log(urls.admin);
  `;
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = await once(owner.stdout, 'data');
  const livez = `${String(output).trim()}/livez`;
  assert.equal((await fetch(livez)).status, 200);

  owner.kill('SIGKILL');

  await eventually(() => assert.rejects(fetch(livez)));
});
