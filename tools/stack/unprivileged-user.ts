import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface UnprivilegedUser {
  readonly uid: number;
  readonly gid: number;
}

/** Whom a server runs as that refuses to be root: `nobody` when this process is root, else undefined, which is this user. */
export async function unprivilegedUser(): Promise<UnprivilegedUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  return { uid: await idOfNobody('-u'), gid: await idOfNobody('-g') };
}

async function idOfNobody(flag: '-u' | '-g'): Promise<number> {
  const { stdout } = await promisify(execFile)('id', [flag, 'nobody']);
  return Number(stdout);
}
