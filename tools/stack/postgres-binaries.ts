import { execFile } from 'node:child_process';
import { chmod, cp } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { DEFAULT_POSTGRES, type PostgresLine, postgresPrograms } from './postgres-lines.ts';
import { createServerDirectory } from './server-directory.ts';
import { type UnprivilegedUser, unprivilegedUser } from './unprivileged-user.ts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Whom the server runs as; undefined: as the caller. */
  readonly user: UnprivilegedUser | undefined;
}

const run = promisify(execFile);

const found = new Map<PostgresLine, Promise<PostgresBinaries>>();

/**
 * PostgreSQL's programs from the npm package of this platform, and a user who can run them.
 * The server refuses to run as root, so for root that user is `nobody`; `nobody` cannot enter a checkout under /root, so the
 * programs are then copied to the directory for temporary files, until this process ends.
 */
export function findPostgresBinaries(line: PostgresLine = DEFAULT_POSTGRES): Promise<PostgresBinaries> {
  const binaries = found.get(line) ?? findForUser(line);
  found.set(line, binaries);
  return binaries;
}

async function findForUser(line: PostgresLine): Promise<PostgresBinaries> {
  const { initdb, postgres } = await postgresPrograms(line);
  const user = await unprivilegedUser();
  if (!user) return { initdb, postgres, user };
  const readable = await run(postgres, ['--version'], user).then(
    () => true,
    () => false,
  );
  if (readable) return { initdb, postgres, user };
  const directory = await createServerDirectory('postgres-programs');
  await chmod(directory, 0o755);
  await cp(dirname(dirname(postgres)), directory, { recursive: true, verbatimSymlinks: true });
  const copy = (program: string) => join(directory, 'bin', basename(program));
  return { initdb: copy(initdb), postgres: copy(postgres), user };
}
