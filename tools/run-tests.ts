/**
 * Runs the tests: `node tools/run-tests.ts [--suite unit,int,e2e,chaos] [--root folder] [part of a path …]`; without arguments all.
 * Starts one PostgreSQL and one Kafka for the whole run when a test needs them. Environment: TEST_SERVERS=containers or embedded
 * says which kind, else it takes containers where it can; TEST_CONCURRENCY, how many files at once; TEST_SILENCE_LIMIT_MS, how long
 * a file may give no sign of life. Exits with 0 when all tests passed, 130 when it was interrupted, else 1, also without any test.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureMachinePace } from './test-run/machine-pace.ts';
import { prepareTests } from './test-run/preparation.ts';
import { runFiles, type RunResult } from './test-run/run-files.ts';
import {
  describeServers,
  SERVER_SOURCES,
  type RunServers,
  type ServerSource,
} from './test-run/run-servers.ts';
import { describeResult, summarise } from './test-run/run-summary.ts';
import { longestFirst, readRunTimes, writeRunTimes, type RunTimes } from './test-run/run-times.ts';
import { startRunServers } from './test-run/server-choice.ts';
import { oneOf } from './test-run/server-lines.ts';
import {
  findTestFiles,
  selectTestFiles,
  SUITES,
  SUITES_WITH_SERVERS,
  type TestFile,
} from './test-run/test-files.ts';

const REPOSITORY = join(import.meta.dirname, '..');
/** Most of a test is waiting for servers and processes, so a core carries more than one. */
const FILES_PER_CORE = 2;
/** The longest test takes three minutes on a quiet machine, most of it without a word. */
const SILENCE_LIMIT_MS = 600_000;

try {
  process.exitCode = await main();
} catch (error: unknown) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { suite: { type: 'string', default: 'all' }, root: { type: 'string', default: REPOSITORY } },
  });
  const { root } = values;
  const suites =
    values.suite === 'all' ? SUITES : values.suite.split(',').map((name) => oneOf(SUITES, name, '--suite'));
  const files = selectTestFiles(findTestFiles(root), suites, positionals);
  const chosen = [`suite ${values.suite}`, ...positionals].join(', ');
  if (files.length === 0) {
    console.error(`no test found (${chosen})`);
    return 1;
  }
  const interrupted = interruption();
  const startMs = performance.now();
  const timesFile = join(root, '.cache', 'test-times.json');
  const times = await readRunTimes(timesFile);
  const run = await runOnServers({ root, files, times, chosen, signal: interrupted });
  const durationMs = performance.now() - startMs;
  console.log(summarise(run, durationMs));
  if (interrupted.aborted) return 130;
  const passed = run.results.every(({ outcome }) => outcome === 'passed');
  const filesMs = Object.fromEntries(
    run.results.map((result) => [result.path, Math.round(result.durationMs)]),
  );
  await writeRunTimes(timesFile, { filesMs, runsMs: passed ? { [chosen]: Math.round(durationMs) } : {} });
  return passed ? 0 : 1;
}

interface Choice {
  readonly root: string;
  readonly files: readonly TestFile[];
  readonly times: RunTimes;
  /** What was asked for, in words. */
  readonly chosen: string;
  readonly signal: AbortSignal;
}

async function runOnServers(choice: Choice): Promise<RunResult & { readonly servers: string }> {
  const { root, files, times, chosen, signal } = choice;
  const concurrency = numberFrom('TEST_CONCURRENCY', FILES_PER_CORE * availableParallelism());
  const silenceLimitMs = numberFrom('TEST_SILENCE_LIMIT_MS', SILENCE_LIMIT_MS);
  announce(files.length, concurrency, silenceLimitMs, times.runsMs[chosen]);
  await prepareTests(new Set(files.map(({ suite }) => suite)), console.log);
  const servers = files.some(({ suite }) => SUITES_WITH_SERVERS.has(suite))
    ? await startRunServers(sourceWish())
    : undefined;
  try {
    const described = servers ? await describeServers(servers) : 'no server needed';
    console.log(`  servers: ${described}`);
    let ended = 0;
    const run = await runFiles(
      longestFirst(files, times.filesMs).map(({ path }) => path),
      {
        root,
        env: { ...process.env, ...(servers && environmentOf(servers)) },
        signal,
        silenceLimitMs,
        concurrency,
        onResult: (result) => console.log(describeResult(result, (ended += 1), files.length)),
      },
    );
    return { ...run, servers: described };
  } finally {
    await servers?.stop();
  }
}

/** What is going to happen, and how long it took the last time. */
function announce(
  files: number,
  concurrency: number,
  silenceLimitMs: number,
  lastMs: number | undefined,
): void {
  const pace = measureMachinePace();
  const limit = Math.round((silenceLimitMs * pace) / 1000);
  console.log(
    [
      `${files} test files, ${concurrency} at once, longest first. ${
        lastMs === undefined
          ? 'This has not passed here before, so how long it takes is not known.'
          : `The last time it took ${Math.round(lastMs / 1000)} s.`
      }`,
      `  this machine takes ${pace.toFixed(1)} times as long as the one of reference: a file is ended after ${limit} s without a sign of life`,
    ].join('\n'),
  );
}

function environmentOf(servers: RunServers): Record<string, string> {
  return { TEST_POSTGRES_URL: servers.postgresUrl, TEST_KAFKA_BROKERS: servers.brokers.join(',') };
}

function sourceWish(): ServerSource | undefined {
  const wish = process.env['TEST_SERVERS'];
  return wish ? oneOf(SERVER_SOURCES, wish, 'TEST_SERVERS') : undefined;
}

function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Asked again: what is being fetched or stopped is not waited for.
      if (controller.signal.aborted) process.exit(130);
      controller.abort();
    });
  }
  return controller.signal;
}

function numberFrom(name: string, byDefault: number): number {
  const value = Number(process.env[name] || byDefault);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`${name} must be a whole number of at least 1`);
  return value;
}
