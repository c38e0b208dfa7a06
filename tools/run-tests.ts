/**
 * Runs the tests: `node tools/run-tests.ts [--suite unit,int,e2e,chaos] [part of a path …]`. Without arguments all of them.
 * Starts one PostgreSQL and one Kafka for the whole run when a test needs them; TEST_SERVERS=containers or embedded says which
 * kind, else it takes containers where it can. Exits with the test runner's code, and with 1 when it finds no test.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findReflectingClient } from '../test/harness/find-reflecting-client.ts';
import { installPythonPackages } from '../test/harness/python-packages.ts';
import { runWhenOwnerEnds } from './stack/owner-guard.ts';
import { describeServers, SERVER_SOURCES, type RunServers } from './test-run/run-servers.ts';
import { startRunServers } from './test-run/server-choice.ts';
import { findTestFiles, selectTestFiles, SUITES, SUITES_WITH_SERVERS } from './test-run/test-files.ts';

const REPOSITORY = join(import.meta.dirname, '..');
const CONCURRENT_FILES = 2;
const TEST_TIMEOUT_MS = 180_000;
/** A file that never ends because it left something open has no time-out of its own. */
const RUN_TIMEOUT_MS = 20 * 60_000;

try {
  process.exitCode = await main();
} catch (error: unknown) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { suite: { type: 'string', default: 'all' } },
  });
  const wish = process.env['TEST_SERVERS'];
  const source = wish ? oneOf(SERVER_SOURCES, wish, 'TEST_SERVERS') : undefined;
  const suites =
    values.suite === 'all' ? SUITES : values.suite.split(',').map((name) => oneOf(SUITES, name, '--suite'));
  const files = selectTestFiles(findTestFiles(REPOSITORY), suites, positionals);
  if (files.length === 0) {
    console.error(
      `no test found (suite ${values.suite}${positionals.map((filter) => `, ${filter}`).join('')})`,
    );
    return 1;
  }
  const interrupted = interruption();
  let servers: RunServers | undefined;
  try {
    if (files.some((file) => SUITES_WITH_SERVERS.has(file.suite))) {
      servers = await startRunServers(source);
      console.log(`${files.length} test files on ${await describeServers(servers)}`);
      await prepareGrpcurl();
      await preparePython();
    } else {
      console.log(`${files.length} test files, no server needed`);
    }
    return interrupted.aborted
      ? 130
      : await runFiles(
          files.map((file) => file.path),
          servers,
          interrupted,
        );
  } finally {
    await servers?.stop();
  }
}

/** Builds grpcurl where it is missing: compiling it takes longer than a test may. */
async function prepareGrpcurl(): Promise<void> {
  const clients = [await findReflectingClient('v1'), await findReflectingClient('v1alpha')];
  console.log(`calling the gateway from outside with ${clients.map(({ name }) => name).join(' and ')}`);
}

/** Once, before two test files do it at the same time. */
async function preparePython(): Promise<void> {
  try {
    await installPythonPackages();
  } catch (error) {
    console.log(
      `the tests of examples/python will fail: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

async function runFiles(
  paths: readonly string[],
  servers: RunServers | undefined,
  interrupted: AbortSignal,
): Promise<number> {
  const runner = spawn(
    process.execPath,
    [
      ...['--import', 'tsx', '--test', '--test-reporter=spec'],
      `--test-concurrency=${CONCURRENT_FILES}`,
      `--test-timeout=${TEST_TIMEOUT_MS}`,
      // kafkajs sets a timer with a negative delay at each connect.
      '--disable-warning=TimeoutNegativeWarning',
      ...paths,
    ],
    {
      cwd: REPOSITORY,
      stdio: 'inherit',
      // A group of its own: a Ctrl-C reaches it once, from here.
      detached: true,
      env: {
        ...process.env,
        ...(servers && {
          TEST_POSTGRES_URL: servers.postgresUrl,
          TEST_KAFKA_BROKERS: servers.brokers.join(','),
        }),
      },
    },
  );
  if (runner.pid === undefined) throw new Error(`could not run ${process.execPath}`);
  const callOffGuard = runWhenOwnerEnds('kill -s KILL -- "-$1"', String(runner.pid));
  const interrupt = () => runner.kill('SIGINT');
  interrupted.addEventListener('abort', interrupt);
  const impatience = setTimeout(interrupt, RUN_TIMEOUT_MS);
  const [code] = await once(runner, 'exit');
  clearTimeout(impatience);
  callOffGuard();
  return typeof code === 'number' ? code : 130;
}

function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => controller.abort());
  return controller.signal;
}

function oneOf<Name extends string>(names: readonly Name[], value: string, what: string): Name {
  const found = names.find((name) => name === value);
  if (found === undefined) throw new Error(`${what}: ${value} is none of ${names.join(', ')}`);
  return found;
}
