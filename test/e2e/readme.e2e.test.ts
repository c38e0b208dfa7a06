import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createOrderClient } from '../../apps/api/testing/order-client.ts';
import { findReflectingClient } from '../harness/find-reflecting-client.ts';
import { createTestDatabase, createTestTopic, eventually } from '../harness/index.ts';
import { startOrderApps } from '../harness/order-apps.ts';
import { bearerFileEnv, TEST_TOKEN } from '../harness/test-access.ts';
import { createTestFolder } from '../harness/test-folder.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const SECTION = '## Subscribe\n';
/** `make python` downloads packages. */
const PATIENCE = { patienceMs: 120_000, intervalMs: 500 };

/** Installing packages anew would pull them away under the tests that run meanwhile. */
const MAKE_WITHOUT_INSTALL = 'make() { command make --old-file=node_modules/.package-lock.json "$@"; }';

/** Something of the README that runs: what it has printed so far, and its exit code once it has ended. */
interface Running {
  output(): string;
  exitCode(): number | null;
}

/** The programs and the commands of the section, with the addresses of a running system in them. */
async function readSection(values: Readonly<Record<string, string>>) {
  const readme = await readFile(join(REPOSITORY, 'README.md'), 'utf8');
  let section = readme.split(SECTION)[1]?.split('\n## ')[0] ?? assert.fail('the section is gone');
  for (const [name, value] of Object.entries(values)) section = section.replaceAll(name, value);
  const blocks = [...section.matchAll(/^```(?<language>\w*)\n(?<text>[^]*?)^```/gm)].map(({ groups }) => ({
    language: groups?.['language'],
    text: groups?.['text'] ?? '',
  }));
  return {
    programs: blocks.filter(({ language }) => language === 'ts').map(({ text }) => text),
    commands: blocks.filter(({ language }) => !language).flatMap(({ text }) => text.trim().split('\n')),
  };
}

function run(t: TestContext, command: string, env: Record<string, string> = {}): Running {
  const { MAKEFLAGS: _flags, MAKELEVEL: _level, ...given } = process.env;
  const child = spawn('bash', ['-c', `${MAKE_WITHOUT_INSTALL}\n${command}`], {
    cwd: REPOSITORY,
    env: { ...given, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, to end whatever the command has started.
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)));
  const closed = once(child, 'close');
  t.after(async () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await closed;
  });
  return { output: () => output, exitCode: () => child.exitCode };
}

/** With the real grpcurl, or with what stands for it on a machine that cannot build it. */
async function callByReflection(t: TestContext, command: string): Promise<Running> {
  const found = /^grpcurl -plaintext -d '(?<request>.+)' (?<address>\S+) (?<method>\S+)$/.exec(
    command,
  )?.groups;
  assert.ok(found, command);
  const client = await findReflectingClient('v1');
  const call = client.call(found['address']!, found['method']!, JSON.parse(found['request']!));
  t.after(() => call.stop());
  return { output: () => JSON.stringify(call.messages), exitCode: () => null };
}

test('whatever the README says about subscribing runs as it stands there, and shows orders', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const { api, gateway } = await startOrderApps(t, { databaseUrl, brokers, topic });
  const cache = join(REPOSITORY, '.cache');
  await mkdir(cache, { recursive: true });
  // Inside the repository, so that its packages are found.
  const folder = await createTestFolder(cache);
  const { programs, commands } = await readSection({
    // What the section says itself about a gateway with access control.
    ...(TEST_TOKEN !== undefined && {
      "address: '<gateway>'": `address: '${gateway.urls.grpc}', token: () => '${TEST_TOKEN}'`,
    }),
    '<gateway>': gateway.urls.grpc,
    '<api>': api.urls.http,
    'watch.token': `'${join(folder, 'watch.token')}'`,
  });
  assert.deepEqual([programs.length, commands.length], [2, 7]);

  const env = { NOTIFICATIONS_TOKEN_FILE: join(folder, 'notifications.token'), ...(await bearerFileEnv()) };
  const client = createOrderClient(api.urls.http);
  const orders: string[] = [];
  async function showsAnOrder(what: string, running: Running): Promise<void> {
    await eventually(async () => {
      const exitCode = running.exitCode();
      if (exitCode === 0 && what === 'make python') return;
      assert.equal(exitCode, null, `${what}\n${running.output()}`);
      const orderId = await client.place();
      await client.move(orderId, 'confirmed');
      orders.push(orderId);
      assert.ok(
        orders.some((id) => running.output().includes(id)),
        `${what}\n${running.output()}`,
      );
    }, PATIENCE);
  }
  for (const [index, program] of programs.entries()) {
    const file = join(folder, `program-${index}.ts`);
    await writeFile(file, program);
    await showsAnOrder(program, run(t, `exec '${process.execPath}' '${file}'`));
  }
  for (const command of commands) {
    const running = command.startsWith('grpcurl') ? await callByReflection(t, command) : run(t, command, env);
    await showsAnOrder(command, running);
  }
});
