import { execFile } from 'node:child_process';
import { chown, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findFreePort } from './free-port.ts';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import { DEFAULT_POSTGRES, type PostgresLine } from './postgres-lines.ts';
import { askPostgres } from './postgres-probe.ts';
import { childrenOf, killIfAlive } from './process-table.ts';
import { createServerDirectory } from './server-directory.ts';
import { createServerProcess, type ServerProcess } from './server-process.ts';

export interface EmbeddedPostgresOptions {
  /** Default: the one that the product is run with. */
  readonly line?: PostgresLine;
  /** Kept when the owner ends, and used again if it holds a cluster. Default: a fresh one that is removed at the end. */
  readonly dataDir?: string;
  /** On 127.0.0.1; default: a free one, kept through restarts. */
  readonly port?: number;
  /** Server settings by name, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Certificate and key, as PEM texts: whoever asks for TLS gets it. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface EmbeddedPostgres {
  /** The superuser's URL of the database `postgres`; no password. */
  readonly url: string;
  readonly port: number;
  /** Undefined while the server does not run. */
  readonly pid: number | undefined;
  /** Fast shutdown: open connections are cut, nothing committed is lost. */
  stop(): Promise<void>;
  /** Stops the server if it runs, and starts it on the same port and data. */
  restart(): Promise<void>;
  /** SIGKILL of the server and its sessions, as when a container is killed; the next start recovers from the log. */
  kill(): Promise<void>;
}

/** Faster commits for data that ends with its server; choose them for tests only. */
export const NOT_CRASH_SAFE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

const DEFAULT_SETTINGS = {
  shared_buffers: '64MB',
  max_connections: '200',
  max_prepared_transactions: '20',
  timezone: 'UTC',
  listen_addresses: '127.0.0.1',
};

const LEFTOVER_DEADLINE_MS = 30_000;
const SUPERUSER = 'postgres';
const BUILTIN_LOCALE_SINCE = 17;

/** Starts a real PostgreSQL for tests and demonstrations. It ends with this process at the latest, even by SIGKILL. */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions = {},
): Promise<EmbeddedPostgres> {
  const { line = DEFAULT_POSTGRES } = options;
  const binaries = await findPostgresBinaries(line);
  const directory = await createServerDirectory('postgres');
  const dataDir = resolve(options.dataDir ?? join(directory, 'data'));
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  if (binaries.user) {
    const { uid, gid } = binaries.user;
    await Promise.all([directory, dataDir].map((path) => chown(path, uid, gid)));
  }
  if ((await readdir(dataDir)).length === 0) await createCluster(binaries, line, directory, dataDir);
  const tlsSettings = options.tls && (await writeCertificate(binaries, directory, options.tls));

  const port = options.port ?? (await findFreePort());
  const url = `postgresql://${SUPERUSER}@127.0.0.1:${port}/postgres`;
  const settings = {
    ...DEFAULT_SETTINGS,
    ...tlsSettings,
    ...options.settings,
    port: String(port),
    unix_socket_directories: '',
    cluster_name: basename(directory),
  };
  const server = createServerProcess({
    name: 'PostgreSQL',
    command: binaries.postgres,
    args: ['-D', dataDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    user: binaries.user,
    port,
    directory,
    stopSignal: 'SIGINT',
    // Immediate shutdown; unlike SIGKILL it leaves no shared memory behind.
    discardSignal: 'SIGQUIT',
    probe: () => askPostgres(url),
  });
  await startDespiteLeftovers(server);

  return {
    url,
    port,
    get pid() {
      return server.pid;
    },
    stop: () => server.stop(),
    async restart() {
      await server.stop();
      await startDespiteLeftovers(server);
    },
    async kill() {
      // A busy session does not notice for a long time that its server is gone.
      const sessions = server.pid === undefined ? [] : await childrenOf(server.pid);
      await server.kill();
      for (const pid of sessions) killIfAlive(pid, 'SIGKILL');
    },
  };
}

/** Postgres takes a key only that belongs to its own user, and that nobody else can read. */
async function writeCertificate(
  { user }: PostgresBinaries,
  directory: string,
  { cert, key }: NonNullable<EmbeddedPostgresOptions['tls']>,
): Promise<Record<string, string>> {
  const [certFile, keyFile] = [join(directory, 'server.crt'), join(directory, 'server.key')];
  for (const [file, text] of [
    [certFile, cert],
    [keyFile, key],
  ] as const) {
    await writeFile(file, text, { mode: 0o600 });
    if (user) await chown(file, user.uid, user.gid);
  }
  return { ssl: 'on', ssl_cert_file: certFile, ssl_key_file: keyFile };
}

/** The cluster is not free before the last process of a server that was killed has ended. */
async function startDespiteLeftovers(server: ServerProcess): Promise<void> {
  const deadline = Date.now() + LEFTOVER_DEADLINE_MS;
  for (;;) {
    try {
      return await server.start();
    } catch (error: unknown) {
      if (!String(error).includes('pre-existing shared memory block') || Date.now() > deadline) throw error;
      await delay(100);
    }
  }
}

async function createCluster(
  binaries: PostgresBinaries,
  line: PostgresLine,
  directory: string,
  dataDir: string,
): Promise<void> {
  // Trust is fine on a loopback port with data that nobody misses; C.UTF-8 needs no locale of the machine. Older lines have only C.
  const builtin = Number(line) >= BUILTIN_LOCALE_SINCE;
  const args = [
    ['-D', dataDir, '-U', SUPERUSER, '--auth=trust', '--no-sync', '--encoding=UTF8'],
    ['--locale=C', '--no-instructions'],
    builtin ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : [],
  ].flat();
  await promisify(execFile)(binaries.initdb, args, { cwd: directory, ...binaries.user });
}
