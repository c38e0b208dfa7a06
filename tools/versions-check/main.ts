import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { runFiles } from '../test-run/run-files.ts';
import { prepareKafka } from '../stack/index.ts';
import { describeServers } from '../test-run/run-servers.ts';
import { startRunServers } from '../test-run/server-choice.ts';
import type { ServerLines } from '../test-run/server-lines.ts';
import { findTestFiles, selectTestFiles } from '../test-run/test-files.ts';
import type { FileResult } from '../test-run/test-process.ts';
import { unrefusedBy } from './old-server.ts';
import { foldersFor, versionRuns } from './version-runs.ts';

/**
 * Runs the suites of what speaks to the servers against each version of them that is promised, one after the other, with a line for each
 * run; `node tools/versions-check/main.ts [postgres 15] [kafka 3.9] …` for some. Ends with 1 when a test fails.
 */

const REPOSITORY = join(import.meta.dirname, '..', '..');
const FILES_PER_CORE = 2;
const SILENCE_LIMIT_MS = 600_000;

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupted.abort());

try {
  let failures = 0;
  for (const run of versionRuns(process.argv.slice(2))) {
    if (interrupted.signal.aborted) break;
    failures += run.kind === 'suites' ? await runSuites(run) : await runRefusal(run.postgres);
  }
  process.exitCode = interrupted.signal.aborted ? 130 : Math.min(failures, 1);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function runSuites(lines: ServerLines): Promise<number> {
  const folders = foldersFor(lines);
  const files = selectTestFiles(findTestFiles(REPOSITORY), ['int'], folders).map(({ path }) => path);
  await prepareKafka();
  await prepareKafka(lines.kafka);
  const servers = await startRunServers(undefined, lines);
  const startedMs = performance.now();
  try {
    const { results } = await runFiles(files, {
      root: REPOSITORY,
      env: {
        ...process.env,
        TEST_POSTGRES_URL: servers.postgresUrl,
        TEST_KAFKA_BROKERS: servers.brokers.join(),
        TEST_POSTGRES_LINE: lines.postgres,
        TEST_KAFKA_LINE: lines.kafka,
      },
      signal: interrupted.signal,
      silenceLimitMs: SILENCE_LIMIT_MS,
      concurrency: FILES_PER_CORE * availableParallelism(),
      onResult: tellFailure,
    });
    if (interrupted.signal.aborted) return 1;
    const count = (what: 'passed' | 'failed' | 'skipped') =>
      results.reduce((sum, result) => sum + result[what], 0);
    const figures = `${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`;
    report(
      await describeServers(servers),
      `${figures} in ${results.length} files (${folders.map((folder) => folder.slice(0, -1)).join(', ')})`,
      startedMs,
    );
    return results.filter(({ outcome }) => outcome !== 'passed').length;
  } finally {
    await servers.stop();
  }
}

async function runRefusal(postgres: '14'): Promise<number> {
  const startedMs = performance.now();
  const { asked, faults } = await unrefusedBy(postgres);
  for (const fault of faults) console.log(`  ✖ ${fault}`);
  report(`PostgreSQL ${postgres}`, `refused by ${asked - faults.length} of ${asked} programs`, startedMs);
  return faults.length;
}

function tellFailure({ path, outcome, reasons, output }: FileResult): void {
  if (outcome === 'passed' || outcome === 'interrupted') return;
  console.log([`${path} ${outcome}`, output.trimEnd(), ...reasons.map((each) => `  ✖ ${each}`)].join('\n'));
}

function report(servers: string, figures: string, startedMs: number): void {
  console.log(`${servers}: ${figures}, ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
}
