import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isPortFree } from './free-port.ts';
import { PID_FILE } from './server-directory.ts';

export interface ServerProcessOptions {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** On 127.0.0.1. */
  readonly port: number;
  /** From `createServerDirectory`; its path or last part must occur in `args`, which is how an abandoned server is recognised. */
  readonly directory: string;
  /** Ends the server in order, open connections notwithstanding. */
  readonly stopSignal: NodeJS.Signals;
  /** Ends a server that nobody needs any more, frozen or not. */
  readonly discardSignal: NodeJS.Signals;
  /** Asks the server; throws while it is not ready. */
  readonly probe: () => Promise<void>;
}

/** One server that can be started, ended and started again. */
export interface ServerProcess {
  /** Undefined while it does not run. */
  readonly pid: number | undefined;
  /** Resolves when the server answers. Throws with the end of the server's log when it ends first or takes too long. */
  start(): Promise<void>;
  /** Resolves when the process has ended; at once when it does not run. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

/** Far beyond what a machine takes that is busy with other things. */
const START_DEADLINE_MS = 180_000;
const STOP_DEADLINE_MS = 60_000;
const PROBE_INTERVAL_MS = 50;
const LOG_TAIL_LINES = 15;

export function createServerProcess(options: ServerProcessOptions): ServerProcess {
  const logFile = join(options.directory, 'server.log');
  let child: ChildProcess | undefined;

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    if (!ending) return;
    const exited = once(ending, 'exit');
    ending.ref();
    // A stopped process takes no signal but SIGKILL before it continues.
    ending.kill('SIGCONT');
    ending.kill(signal);
    const impatience = setTimeout(() => ending.kill('SIGKILL'), STOP_DEADLINE_MS);
    await exited;
    clearTimeout(impatience);
  }

  return {
    get pid() {
      return child?.pid;
    },
    async start() {
      if (child) throw new Error(`${options.name} runs already (pid ${child.pid})`);
      // Or the probe would ask a stranger.
      if (!(await isPortFree(options.port))) {
        throw new Error(`${options.name} cannot start: port ${options.port} is in use`);
      }
      const logStart = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
      const failed = (what: string, cause?: unknown) =>
        new Error(`${options.name} ${what}:\n${logTail(logFile, logStart)}`, { cause });
      const started = launch(options, logFile);
      child = started;
      started.once('exit', () => {
        child = undefined;
        rmSync(join(options.directory, PID_FILE), { force: true });
      });
      const deadline = Date.now() + START_DEADLINE_MS;
      for (;;) {
        const failure = await options.probe().then(
          () => undefined,
          (error: unknown) => error,
        );
        if (started.exitCode !== null || started.signalCode !== null) {
          throw failed('ended while starting');
        }
        if (!failure) return;
        if (Date.now() > deadline) {
          await end('SIGKILL');
          throw failed('was not ready in time', failure);
        }
        await delay(PROBE_INTERVAL_MS);
      }
    },
    stop: () => end(options.stopSignal),
    kill: () => end('SIGKILL'),
    signal(signal) {
      child?.kill(signal);
    },
  };
}

function launch(options: ServerProcessOptions, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a');
  try {
    const child = spawn(options.command, options.args, {
      stdio: ['ignore', log, log],
      // A session of its own: Ctrl-C in the terminal must not reach the server before its owner has decided what to do.
      detached: true,
      cwd: options.directory,
      ...(options.env && { env: options.env }),
      ...options.user,
    });
    // An owner with nothing left to do may end; the directory's guard then ends the server.
    child.unref();
    // Tells asynchronously what the missing pid tells here.
    child.on('error', () => undefined);
    if (child.pid === undefined) throw new Error(`cannot run ${options.command}`);
    const signal = options.discardSignal.slice('SIG'.length);
    writeFileSync(join(options.directory, PID_FILE), `${signal} ${child.pid}\n`);
    return child;
  } finally {
    closeSync(log);
  }
}

function logTail(logFile: string, start: number): string {
  const text = readFileSync(logFile).subarray(start).toString();
  return text.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
}
