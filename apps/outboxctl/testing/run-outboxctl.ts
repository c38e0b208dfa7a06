import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMPILE_CACHE } from '../../../tools/stack/index.ts';
import { runCommandLine } from '../src/command-line.ts';

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

/**
 * Runs one command without a terminal, in this process: all that its `main.ts` does, without loading the program anew for each of
 * a hundred commands.
 */
export async function runOutboxctl(
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<OutboxctlRun> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const written = Promise.all([text(stdout), text(stderr)]);
  const code = await runCommandLine(args, { env, stdin, stdout, stderr }, new AbortController().signal);
  stdout.end();
  stderr.end();
  const [answered, said] = await written;
  return { code, stdout: answered, stderr: said };
}

/** Starts a command as a process of its own, which is looked at while it runs and may be killed; killed after the test. */
export function startOutboxctl(
  t: TestContext,
  env: Readonly<Record<string, string>>,
  ...args: string[]
): OutboxctlProcess {
  const command = start(env, args);
  t.after(async () => {
    command.kill('SIGKILL');
    await command.ended;
  });
  return command;
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
