import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { eventually } from '../../test/harness/index.ts';
import { isAlive } from './process-table.ts';
import { createServerDirectory, PID_FILE } from './server-directory.ts';

const POSTGRES_MODULE = join(import.meta.dirname, 'embedded-postgres.ts');

for (const [end, how] of [
  ['SIGKILL', 'was killed'],
  ['SIGTERM', 'ended'],
] as const) {
  test(`a server and its directory are gone soon after their owner ${how}`, async () => {
    const script = `
      const { startEmbeddedPostgres } = await import(${JSON.stringify(POSTGRES_MODULE)});
      const server = await startEmbeddedPostgres();
      console.log(server.pid);
      setInterval(() => undefined, 1_000);
    `;
    const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output] = await once(owner.stdout, 'data');
    const serverPid = Number(output);
    assert.ok(isAlive(serverPid));

    owner.kill(end);

    await eventually(() => assert.ok(!isAlive(serverPid)));
    await eventually(async () => assert.deepEqual(await directoriesOf(owner.pid), []));
  });
}

test('a server whose owner and guard were both killed is ended by the next run', async (t) => {
  const { directory, server } = await abandon(t, (name) => name);
  const exited = once(server, 'exit');

  await createServerDirectory('postgres');

  assert.deepEqual(await exited, [null, 'SIGKILL']);
  await eventually(() => assert.ok(!existsSync(directory)));
});

test('a program that was given the number of an abandoned server is left alone', async (t) => {
  const { directory, server } = await abandon(t, () => 'another-program');

  await createServerDirectory('postgres');

  await eventually(() => assert.ok(!existsSync(directory)));
  assert.ok(isAlive(Number(server.pid)));
});

/** A server directory of a dead owner, and a process that it names. */
async function abandon(t: TestContext, argument: (directoryName: string) => string) {
  const owner = spawn('true');
  await once(owner, 'exit');
  const directory = join(tmpdir(), `order-events-postgres-${owner.pid}-abandoned`);
  const server = spawn(process.execPath, [
    '--eval',
    'setInterval(() => {}, 1_000)',
    argument(basename(directory)),
  ]);
  t.after(() => server.kill('SIGKILL'));
  await once(server, 'spawn');
  await mkdir(directory);
  await writeFile(join(directory, PID_FILE), `KILL ${server.pid}\n`);
  return { directory, server };
}

async function directoriesOf(owner: number | undefined): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.includes(`-${owner}-`));
}
