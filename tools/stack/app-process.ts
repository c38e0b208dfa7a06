import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { runWhenOwnerEnds } from './owner-guard.ts';

const FOLDERS = {
  api: 'apps/api',
  relay: 'apps/relay',
  'stream-gateway': 'apps/stream-gateway',
  notifications: 'examples/notifications',
  warehouse: 'examples/warehouse',
} as const;

export type AppName = keyof typeof FOLDERS;

/** One line of an app's log; what was not JSON is in `msg`. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: unknown };

export interface AppExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface AppProcess {
  readonly pid: number;
  /** What the app said it listens on; empty for a port it does not have (`http` is the API's, the gRPC ones are the gateway's). */
  readonly urls: {
    readonly http: string;
    readonly grpc: string;
    readonly grpcWeb: string;
    readonly admin: string;
    readonly adminGrpc: string;
  };
  /** The last lines of its log, oldest first. */
  logs(): readonly LogLine[];
  /** Nobody reads what it writes from here on; answers how somebody does again. */
  stopReading(): () => void;
  /** Default: SIGTERM. */
  kill(signal?: NodeJS.Signals): void;
  readonly exited: Promise<AppExit>;
}

const REPOSITORY = join(import.meta.dirname, '..', '..');
/** Far beyond what a machine takes that is busy with other things. */
const START_DEADLINE_MS = 120_000;
/** What Node has compiled and stripped of types, so that the next start of an app costs half as much. */
export const COMPILE_CACHE = join(REPOSITORY, '.cache', 'compile');
const MAX_LOG_LINES = 5_000;

/** How they are run here, in docker-compose.yml and by the chart: see docs/memory.md. */
export const NODE_OPTIONS = {
  relay: '--max-old-space-size=256 --max-semi-space-size=16',
  gateway: '--max-old-space-size=640 --max-semi-space-size=16',
} as const;

/** Where an app runs that is not run as usual. */
export interface AppPlace {
  /** Another checkout, for example of an earlier release. */
  readonly repository?: string;
  /** A command that becomes the one behind it, for example in another network namespace. */
  readonly through?: readonly string[];
}

/** What an app gets that is not given. Ports are chosen by the system. */
const DEFAULTS: Readonly<Partial<Record<AppName, Readonly<Record<string, string>>>>> = {
  api: { API_PORT: '0', API_ADMIN_PORT: '0' },
  relay: { RELAY_ADMIN_PORT: '0', NODE_OPTIONS: NODE_OPTIONS.relay },
  'stream-gateway': {
    ...{ GATEWAY_PORT: '0', GATEWAY_ADMIN_PORT: '0', GATEWAY_ADMIN_GRPC_PORT: '0' },
    NODE_OPTIONS: NODE_OPTIONS.gateway,
  },
};

/**
 * Runs an app as a process of its own, with no environment but `env`, PATH and what it is run with by default, and waits until it says that it has started.
 * It ends with this process at the latest. `onLine` sees every log line. Throws with the end of its log when it does not start.
 */
export async function startAppProcess(
  name: AppName,
  env: Readonly<Record<string, string>>,
  onLine?: (line: LogLine) => void,
  { repository = REPOSITORY, through = [] }: AppPlace = {},
): Promise<AppProcess> {
  const main = join(repository, FOLDERS[name], 'src', 'main.ts');
  const [command, ...args] = [...through, process.execPath, main];
  const child = spawn(command, args, {
    cwd: repository,
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: COMPILE_CACHE, ...DEFAULTS[name], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A session of its own: Ctrl-C in the terminal must not reach the app before its owner has decided what to do.
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`could not run ${name}`);
  const callOffGuard = runWhenOwnerEnds('kill -s KILL "$1"', String(pid));
  const exited = once(child, 'exit').then(([code, signal]): AppExit => {
    callOffGuard();
    return { code, signal };
  });

  const lines: LogLine[] = [];
  const urls = { http: '', grpc: '', grpcWeb: '', admin: '', adminGrpc: '' };
  const started = new Promise<void>((resolve) => {
    const take = (line: LogLine) => {
      lines.push(line);
      if (lines.length > MAX_LOG_LINES) lines.shift();
      if (line.msg === 'listening') Object.assign(urls, { [String(line['name'])]: line['url'] });
      if (line.msg === 'started') resolve();
      onLine?.(line);
    };
    readLines(child.stdout, take);
    readLines(child.stderr, take);
  });
  await startedInTime(started, exited).catch((error: unknown) => {
    child.kill('SIGKILL');
    const tail = lines.slice(-20).map((line) => JSON.stringify(line));
    throw new Error(`${name} did not start:\n${tail.join('\n')}`, { cause: error });
  });

  return {
    pid,
    urls,
    logs: () => lines,
    stopReading() {
      child.stdout.pause();
      return () => void child.stdout.resume();
    },
    kill: (signal = 'SIGTERM') => void child.kill(signal),
    exited,
  };
}

async function startedInTime(started: Promise<void>, exited: Promise<AppExit>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('was not ready in time')), START_DEADLINE_MS);
  });
  const ended = exited.then(({ code, signal }) => {
    throw new Error(`ended while starting (exit code ${code}, signal ${signal})`);
  });
  try {
    await Promise.race([started, ended, tooLate]);
  } finally {
    clearTimeout(timer);
    // When the app has started, its end is no longer a failure of the start.
    ended.catch(() => undefined);
  }
}

function readLines(stream: Readable, take: (line: LogLine) => void): void {
  createInterface({ input: stream }).on('line', (text) => take(parseLine(text)));
}

function parseLine(text: string): LogLine {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return { ...parsed };
  } catch {
    // Not of the logger: a warning of Node.js, the report of a wrong configuration.
  }
  return { msg: text };
}
