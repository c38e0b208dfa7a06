import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { COMPILE_CACHE } from '../stack/app-process.ts';
import { runWhenOwnerEnds } from '../stack/owner-guard.ts';
import { killIfAlive } from '../stack/process-table.ts';
import type { TestNews } from './event-reporter.ts';
import { measureMachinePace } from './machine-pace.ts';
import { watchSilence } from './silence-watch.ts';

/** What became of one test file. */
export interface FileResult {
  readonly path: string;
  /** `silent`: ended by the limit. `interrupted`: ended with the run. `failed`: a test, or the file outside of its tests. */
  readonly outcome: 'passed' | 'failed' | 'silent' | 'interrupted';
  /** Tests, also those within others. */
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly durationMs: number;
  /** Why it did not pass, for people; empty when it did. */
  readonly reasons: readonly string[];
  /** Figures that the tests gave. */
  readonly notes: readonly string[];
  /** What it wrote, with node's report of its failures. */
  readonly output: string;
}

export interface TestProcessOptions {
  /** The folder that `path` is relative to. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  /** Ends the file. */
  readonly signal: AbortSignal;
  /** How long a file may give no sign of life on a quiet machine: no test begins or ends, and nothing is written. */
  readonly silenceLimitMs: number;
}

const REPORTER = join(import.meta.dirname, 'event-reporter.ts');
const NODE_ARGS = [
  ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
  ...[`--test-reporter=${REPORTER}`, '--test-reporter-destination=stderr'],
  // kafkajs sets a timer with a negative delay at each connect.
  '--disable-warning=TimeoutNegativeWarning',
];
/** The end of what a file wrote; a test that writes without end must not fill the memory of the runner. */
const MAX_OUTPUT_CHARS = 400_000;
const OUTPUT_DEADLINE_MS = 5_000;

/** Runs one test file in a process of its own. What it started ends with it, whatever happens; never rejects for a file that fails. */
export async function runTestFile(path: string, options: TestProcessOptions): Promise<FileResult> {
  const startMs = performance.now();
  const tally = createTally();
  // A group of its own: a Ctrl-C in the terminal reaches the runner alone, and all of a file can be ended at once.
  const child = spawn(process.execPath, [...NODE_ARGS, path], {
    cwd: options.root,
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`could not run ${process.execPath}`);
  const callOffGuard = runWhenOwnerEnds('kill -s KILL -- "-$1"', String(pid));
  let ended: 'silent' | 'interrupted' | undefined;
  const endAll = (why: 'silent' | 'interrupted') => {
    ended ??= why;
    killIfAlive(-pid, 'SIGKILL');
  };
  const silence = watchSilence({
    limitMs: options.silenceLimitMs,
    pace: measureMachinePace,
    onTooLong(limitMs) {
      tally.reasons.push(`no sign of life for ${Math.round(limitMs / 1000)} s ${placeOf(tally.running)}`);
      endAll('silent');
    },
  });
  const interrupt = () => endAll('interrupted');
  options.signal.addEventListener('abort', interrupt);
  if (options.signal.aborted) interrupt();

  const output = collectOutput(child, silence.heard);
  child.on('message', (news: TestNews) => {
    silence.heard();
    tally.take(news);
  });
  const closed = once(child, 'close');
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];

  silence.stop();
  options.signal.removeEventListener('abort', interrupt);
  callOffGuard();
  // Processes that the file left behind in its group. One outside of it may hold the output open for ever.
  killIfAlive(-pid, 'SIGKILL');
  await Promise.race([closed, delay(OUTPUT_DEADLINE_MS, undefined, { ref: false })]);
  if (ended === undefined) tally.judgeEnd(code, signal);
  if (ended === 'silent') tally.failed += 1;
  return {
    path,
    outcome: ended ?? (tally.failed > 0 ? 'failed' : 'passed'),
    passed: tally.passed,
    failed: tally.failed,
    skipped: tally.skipped,
    durationMs: performance.now() - startMs,
    reasons: tally.reasons,
    notes: tally.notes,
    output: output(),
  };
}

function createTally() {
  const running = new Set<string>();
  return {
    running,
    passed: 0,
    failed: 0,
    skipped: 0,
    reasons: [] as string[],
    notes: [] as string[],
    take({ what, name, message }: TestNews): void {
      if (what === 'began') return void running.add(name);
      if (what === 'noted') return void this.notes.push(name);
      running.delete(name);
      if (what === 'ended') return;
      this[what] += 1;
      if (what === 'failed') this.reasons.push([name, ...(message?.split('\n') ?? [])].join('\n      '));
    },
    /** A process can fail outside of every test: while it is loaded, or by the error of something that nobody awaits. */
    judgeEnd(code: number | null, signal: NodeJS.Signals | null): void {
      if (code === 0 && running.size > 0) {
        this.failed += 1;
        this.reasons.push(`the process ended ${placeOf(running)}, and left out what comes after it`);
      } else if (code !== 0 && this.failed === 0) {
        this.failed += 1;
        this.reasons.push(`the file itself, outside of its tests (${signal ?? `exit code ${code}`})`);
      } else if (this.passed + this.failed + this.skipped === 0) {
        this.failed += 1;
        this.reasons.push('there is no test in the file');
      }
    },
  };
}

function placeOf(running: ReadonlySet<string>): string {
  return running.size > 0
    ? `in ${Array.from(running, (name) => `“${name}”`).join(', ')}`
    : 'outside of its tests';
}

/** Answers a function that gives the end of what was written so far. */
function collectOutput(child: ChildProcess, onOutput: () => void): () => string {
  let collected = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      onOutput();
      collected = (collected + text).slice(-MAX_OUTPUT_CHARS);
    });
  }
  return () => collected;
}
