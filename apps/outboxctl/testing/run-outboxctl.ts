import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMPILE_CACHE } from '../../../tools/stack/index.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export interface OutboxctlRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface OutboxctlProcess {
  readonly ended: Promise<OutboxctlRun>;
  /** What it has said on stderr so far. */
  said(): string;
  kill(signal: NodeJS.Signals): void;
}

/** Runs one command as a process of its own, without a terminal. */
export function runOutboxctl(
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<OutboxctlRun> {
  return start(env, args).ended;
}

/** Starts a command that is looked at while it runs; killed after the test. */
export function startOutboxctl(
  t: TestContext,
  env: Readonly<Record<string, string>>,
  ...args: string[]
): OutboxctlProcess {
  const process = start(env, args);
  t.after(async () => {
    process.kill('SIGKILL');
    await process.ended;
  });
  return process;
}

function start(env: Readonly<Record<string, string>>, args: readonly string[]): OutboxctlProcess {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = Promise.all([once(child, 'close'), text(child.stdout)]).then(
    ([[code], stdout]): OutboxctlRun => ({ code, stdout, stderr: said }),
  );
  return { ended, said: () => said, kill: (signal) => void child.kill(signal) };
}
