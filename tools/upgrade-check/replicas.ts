import type { AppProcess } from '../stack/index.ts';
import { findFreePort, startAppProcess } from '../stack/index.ts';

export type Release = 'old' | 'new';

/** The processes that are replaced one by one. */
export const KINDS = ['api', 'relay', 'stream-gateway'] as const;
export type Kind = (typeof KINDS)[number];

export interface Replica {
  readonly release: Release;
  /** host:port, kept whatever runs there. */
  readonly address: string;
  readonly pid: number;
}

export interface Replicas {
  of(kind: Kind): readonly Replica[];
  /** Ends one as a deployment does, and starts one of `release` in its place. */
  replace(kind: Kind, index: number, release: Release): Promise<void>;
  /** kill -9, and the same release again. */
  kill(kind: Kind, index: number): Promise<void>;
  stop(): Promise<void>;
}

export interface ReplicasOptions {
  readonly folders: Readonly<Record<Release, string>>;
  readonly settings: Readonly<Record<Kind, Readonly<Record<string, string>>>>;
}

const PORTS = {
  api: 'API_PORT',
  relay: 'RELAY_ADMIN_PORT',
  'stream-gateway': 'GATEWAY_PORT',
} as const satisfies Record<Kind, string>;

/** Two of each kind: while one is replaced the other one works. */
const COUNT = 2;

/** Starts all as the old release. */
export async function startReplicas({ folders, settings }: ReplicasOptions): Promise<Replicas> {
  const running = new Map<string, { port: number; release: Release; app: AppProcess }>();
  const placeOf = (kind: Kind, index: number) => {
    const place = running.get(`${kind} ${index}`);
    if (!place) throw new RangeError(`there is no ${kind} ${index}`);
    return place;
  };
  const start = async (kind: Kind, index: number, port: number, release: Release) => {
    const env = { ...settings[kind], [PORTS[kind]]: String(port) };
    const app = await startAppProcess(kind, env, undefined, { repository: folders[release] });
    running.set(`${kind} ${index}`, { port, release, app });
  };
  const restart = async (kind: Kind, index: number, signal: NodeJS.Signals, release?: Release) => {
    const { port, app, release: before } = placeOf(kind, index);
    app.kill(signal);
    await app.exited;
    await start(kind, index, port, release ?? before);
  };
  const stop = async () => {
    const apps = Array.from(running.values(), ({ app }) => app);
    for (const app of apps) app.kill('SIGTERM');
    await Promise.all(apps.map(({ exited }) => exited));
  };
  const starting: Promise<void>[] = [];
  for (const kind of KINDS) {
    for (let index = 0; index < COUNT; index += 1) {
      starting.push(start(kind, index, await findFreePort(), 'old'));
    }
  }
  await Promise.allSettled(starting);
  await Promise.all(starting).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    of: (kind) =>
      Array.from({ length: COUNT }, (_, index) => {
        const { port, release, app } = placeOf(kind, index);
        return { release, address: `127.0.0.1:${port}`, pid: app.pid };
      }),
    replace: (kind, index, release) => restart(kind, index, 'SIGTERM', release),
    kill: (kind, index) => restart(kind, index, 'SIGKILL'),
    stop,
  };
}
