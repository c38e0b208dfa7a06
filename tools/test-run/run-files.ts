import { runTestFile, type FileResult, type TestProcessOptions } from './test-process.ts';

export interface RunFilesOptions extends TestProcessOptions {
  /** How many files run at the same time. */
  readonly concurrency: number;
  readonly onResult: (result: FileResult) => void;
}

export interface RunResult {
  readonly results: readonly FileResult[];
  /** Files that were not begun when the run was interrupted. */
  readonly notRun: readonly string[];
}

/** Runs test files, several at a time and begun in the given order, until all have ended or the signal aborts. */
export async function runFiles(paths: readonly string[], options: RunFilesOptions): Promise<RunResult> {
  const waiting = [...paths];
  const results: FileResult[] = [];
  async function work(): Promise<void> {
    while (!options.signal.aborted) {
      const path = waiting.shift();
      if (path === undefined) return;
      const result = await runTestFile(path, options);
      results.push(result);
      options.onResult(result);
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, work));
  return { results, notRun: waiting };
}
