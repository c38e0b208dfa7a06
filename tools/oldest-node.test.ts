import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { promisify } from 'node:util';

const REPOSITORY = join(import.meta.dirname, '..');
const OLDEST = 22;

/** `make .node` where `node --version` answers this. */
async function makeWith(t: TestContext, version: string): Promise<{ stderr: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'oldest-node-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await copyFile(join(REPOSITORY, 'Makefile'), join(folder, 'Makefile'));
  for (const [program, answer] of [
    ['node', version],
    ['npm', '11.0.0'],
  ] as const) {
    await writeFile(join(folder, program), `#!/bin/sh\necho ${answer}\n`);
    await chmod(join(folder, program), 0o755);
  }
  // Of the make that may run the tests.
  const { MAKEFLAGS: _flags, MAKELEVEL: _level, ...env } = process.env;
  return promisify(execFile)('make', ['--no-print-directory', '.node'], {
    cwd: folder,
    env: { ...env, PATH: `${folder}:${env['PATH'] ?? ''}` },
  });
}

test('a Node that is too old is told, with what to do', async (t) => {
  await assert.rejects(makeWith(t, 'v20.20.2'), ({ stderr }: { stderr: string }) => {
    assert.match(
      stderr,
      /^node is v20\.20\.2: too old, install Node 22 or newer \(https:\/\/nodejs\.org\)$/m,
    );
    assert.match(
      stderr,
      /^or let npm lend you one for a command: npx --yes --package node@24 -- make test$/m,
    );
    return true;
  });
});

for (const version of ['v22.0.0', 'v24.21.0', 'v100.1.0']) {
  test(`Node ${version} will do`, async (t) => {
    assert.equal((await makeWith(t, version)).stderr, '');
  });
}

test('every page and check names the same oldest Node', async () => {
  const read = (file: string) => readFile(join(REPOSITORY, file), 'utf8');
  const { engines } = JSON.parse(await read('package.json')) as { engines: { node: string } };
  assert.equal(engines.node, `>=${OLDEST}`);
  const lock = JSON.parse(await read('package-lock.json')) as { packages: { '': { engines: unknown } } };
  assert.deepEqual(lock.packages[''].engines, engines);
  assert.match(await read('README.md'), new RegExp(`need Node ≥ ${OLDEST},`));
  assert.match(await read('.ci/run'), new RegExp(`-lt ${OLDEST} \\]`));
});

test('every page, image and tool names the same Node to develop with', async () => {
  const read = (file: string) => readFile(join(REPOSITORY, file), 'utf8');
  const { devDependencies } = JSON.parse(await read('package.json')) as { devDependencies: { node: string } };
  const [major] = devDependencies.node.split('.');
  assert.equal(await read('.nvmrc'), `${major}\n`);
  const images = [...(await read('Dockerfile')).matchAll(/^ARG BASE_IMAGE=node:(\S+)/gm)].map(
    ([, tag]) => tag,
  );
  assert.deepEqual([...new Set(images)], [`${major}-slim`]);
  assert.match(await read('Makefile'), new RegExp(`--package node@${major} `));
});
