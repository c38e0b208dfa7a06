import type { RunResult } from './run-files.ts';
import type { FileResult } from './test-process.ts';

const SLOWEST = 10;

/** One line for a file that has ended, its figures below it, and all that it wrote when it did not pass. */
export function describeResult(result: FileResult, ended: number, of: number): string {
  const { path, outcome, passed, failed, durationMs, notes, output } = result;
  const count = `[${String(ended).padStart(String(of).length)}/${of}]`;
  const tests = failed > 0 ? `${passed} passed, ${failed} failed` : `${passed} passed`;
  const word = outcome === 'passed' ? 'ok' : OUTCOMES[outcome];
  const lines = [`${count} ${word.padEnd(6)} ${seconds(durationMs).padStart(7)}  ${path} (${tests})`];
  if (outcome === 'passed') lines.push(...notes.map((note) => `    ${note}`));
  else if (outcome !== 'interrupted')
    lines.push(output.trimEnd(), ...result.reasons.map((reason) => `  ✖ ${reason}`));
  return lines.join('\n');
}

const OUTCOMES = { failed: 'FAILED', silent: 'ENDED', interrupted: 'interrupted' } as const;

/** The last lines of a run: what it was, what it shows, and what to do about what went wrong. */
export function summarise(run: RunResult & { readonly servers: string }, durationMs: number): string {
  const { results, notRun } = run;
  const sum = (what: 'passed' | 'failed' | 'skipped') =>
    results.reduce((total, result) => total + result[what], 0);
  const interrupted = results.filter(({ outcome }) => outcome === 'interrupted').map(({ path }) => path);
  const unfinished = [...interrupted.map((path) => `${path} (was running)`), ...notRun];
  const skipped = sum('skipped');
  return [
    '',
    ...slowestLines(results),
    ...results.filter(({ outcome }) => outcome === 'failed').flatMap(failureLines),
    ...results.filter(({ outcome }) => outcome === 'silent').flatMap(silenceLines),
    ...(unfinished.length > 0
      ? [`${unfinished.length} files not run to their end, because the run was interrupted:`]
      : []),
    ...unfinished.map((path) => `  ${path}`),
    `${results.length - interrupted.length} of ${results.length + notRun.length} files in ${seconds(durationMs)}, ${run.servers}`,
    `${sum('passed')} passed, ${sum('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
  ].join('\n');
}

function slowestLines(results: readonly FileResult[]): string[] {
  const slowest = results.toSorted((one, other) => other.durationMs - one.durationMs).slice(0, SLOWEST);
  if (results.length < 2) return [];
  return [
    'slowest files:',
    ...slowest.map(({ path, durationMs }) => `  ${seconds(durationMs).padStart(7)}  ${path}`),
  ];
}

function failureLines({ path, reasons }: FileResult): string[] {
  return [`failed: ${path}`, ...reasons.map((reason) => `  ✖ ${reason}`)];
}

function silenceLines({ path, reasons }: FileResult): string[] {
  return [
    `ended by the limit on silence: ${path}`,
    ...reasons.map((reason) => `  ✖ ${reason}; what comes after it in the file was not run`),
    '  Run it alone: it hangs, or it takes that long without a word. In the second case give it more time:',
    `  TEST_SILENCE_LIMIT_MS=3600000 node_modules/.bin/node tools/run-tests.ts ${path}`,
  ];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
