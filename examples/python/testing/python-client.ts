import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { installPythonPackages } from '../../../test/harness/python-packages.ts';
import { bearerFileEnv } from '../../../test/harness/test-access.ts';

export interface ShownEvent {
  readonly event_id: string;
  readonly order_id: string;
  readonly order_version: number;
  readonly status: string;
}

export interface PythonClient<Line = ShownEvent> {
  /** What it has printed, as it came. */
  readonly shown: readonly Line[];
  /** SIGTERM. */
  stop(): void;
  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Resolves with the exit code and what is on stderr. */
  readonly ended: Promise<{ code: number | null; stderr: string }>;
}

const REPOSITORY = join(import.meta.dirname, '..', '..', '..');

let installed: Promise<void> | undefined;

/** Runs a file of examples/python until the test is over, with these variables beside those of the test and the token of its suite. */
export async function startPython<Line = ShownEvent>(
  t: TestContext,
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<PythonClient<Line>> {
  await (installed ??= installPythonPackages('python'));
  const child = spawn('.cache/python/bin/python', [join('examples/python', file), ...args], {
    cwd: REPOSITORY,
    env: { ...process.env, ...(await bearerFileEnv()), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const shown: Line[] = [];
  // The test compares it with what it should be.
  createInterface({ input: child.stdout }).on('line', (line) => shown.push(JSON.parse(line) as Line));
  const [stderr, closed] = [text(child.stderr), once(child, 'close')];
  const ended = closed.then(async ([code]: (number | null)[]) => ({
    code: code ?? null,
    stderr: await stderr,
  }));
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  t.after(kill);
  return { shown, stop: () => void child.kill('SIGTERM'), kill, ended };
}
