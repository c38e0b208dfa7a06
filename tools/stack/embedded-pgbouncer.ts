import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort } from './free-port.ts';
import { findPgbouncer } from './pgbouncer-program.ts';
import { askPostgres } from './postgres-probe.ts';
import { createServerDirectory } from './server-directory.ts';
import { createServerProcess } from './server-process.ts';
import { unprivilegedUser } from './unprivileged-user.ts';

export interface EmbeddedPgbouncerOptions {
  /** Connections to the server, for all clients of a database together. */
  readonly serverConnections: number;
}

export interface EmbeddedPgbouncer {
  /** Leads through it to the same database. */
  readonly url: string;
  stop(): Promise<void>;
  /** After `stop`: on the same port. */
  start(): Promise<void>;
}

/** Starts a PgBouncer in transaction mode, with its default settings, before the server of `url`. It ends with this process at the latest. */
export async function startEmbeddedPgbouncer(
  url: string,
  options: EmbeddedPgbouncerOptions,
): Promise<EmbeddedPgbouncer> {
  const program = await findPgbouncer();
  const directory = await createServerDirectory('pgbouncer');
  const port = await findFreePort();
  const server = new URL(url);
  const usersFile = join(directory, 'users.txt');
  const settingsFile = join(directory, 'pgbouncer.ini');
  await writeFile(
    usersFile,
    `"${decodeURIComponent(server.username)}" "${decodeURIComponent(server.password)}"\n`,
  );
  await writeFile(
    settingsFile,
    [
      '[databases]',
      `* = host=${server.hostname} port=${server.port}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = trust',
      `auth_file = ${usersFile}`,
      'pool_mode = transaction',
      `default_pool_size = ${options.serverConnections}`,
      '',
    ].join('\n'),
  );
  const user = await unprivilegedUser();
  if (user) await chown(directory, user.uid, user.gid);

  const pooledUrl = Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href;
  const pgbouncer = createServerProcess({
    name: 'PgBouncer',
    command: program,
    args: [settingsFile],
    user,
    port,
    directory,
    stopSignal: 'SIGTERM',
    discardSignal: 'SIGKILL',
    probe: () => askPostgres(pooledUrl),
  });
  await pgbouncer.start();
  return { url: pooledUrl, stop: () => pgbouncer.stop(), start: () => pgbouncer.start() };
}
