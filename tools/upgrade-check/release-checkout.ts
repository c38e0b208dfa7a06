import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { runInstaller } from '../install-once.ts';

export interface ReleaseCheckout {
  readonly commit: string;
  readonly folder: string;
  /** Whether it runs with packages of this checkout, or with some that were installed for it. */
  readonly packages: 'linked' | 'installed';
  remove(): Promise<void>;
}

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
}

const REPOSITORY = join(import.meta.dirname, '..', '..');
const PREVIOUS_RELEASE = join(import.meta.dirname, 'previous-release.txt');
const MODULES = 'node_modules/';

/** The commit that `previous-release.txt` names. */
export async function previousRelease(): Promise<string> {
  const lines = (await readFile(PREVIOUS_RELEASE, 'utf8')).split('\n');
  const [commit, ...more] = lines.map((line) => line.trim()).filter((line) => line && !line.startsWith('#'));
  if (!commit || more.length > 0 || !/^[0-9a-f]{40}$/.test(commit)) {
    throw new Error(`${PREVIOUS_RELEASE}: must have one line that is no comment, a commit in full`);
  }
  return commit;
}

/**
 * The files of a commit in a folder outside of this checkout, so that nothing of ours is found from there by chance, with the packages
 * that its lock file names: ours, where all that it runs with is here in the same version, else installed.
 */
export async function checkOutRelease(commit: string): Promise<ReleaseCheckout> {
  const folder = await mkdtemp(join(tmpdir(), 'order-events-release-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await extract(commit, folder);
    const [theirs, ours] = [await readLock(folder), await readLock(REPOSITORY)];
    const packages = runsWith(theirs, ours) ? 'linked' : 'installed';
    if (packages === 'linked') await linkPackages(folder, theirs);
    // As the image is made.
    else
      await runInstaller('npm', ['ci', '--prefix', folder, '--omit=dev', '--ignore-scripts', '--no-audit']);
    return { commit, folder, packages, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function extract(commit: string, folder: string): Promise<void> {
  const run = promisify(execFile);
  const archive = join(folder, 'release.tar');
  await run('git', ['archive', '--format=tar', '--output', archive, commit], { cwd: REPOSITORY }).catch(
    (cause: unknown) => {
      const help = 'a clone without history does not have it: git fetch --unshallow';
      throw new Error(`commit ${commit} could not be taken from this repository (${help})`, { cause });
    },
  );
  await run('tar', ['-xf', archive, '-C', folder]);
  await rm(archive);
}

async function readLock(folder: string): Promise<Lock> {
  return JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8'));
}

/** Whether each package that a release runs with is here, at the same place and in the same version. */
export function runsWith(theirs: Lock, ours: Lock): boolean {
  return Object.entries(theirs.packages).every(
    ([path, { link, dev, version }]) =>
      link ||
      dev ||
      !path.includes(MODULES) ||
      (path.startsWith(MODULES) && ours.packages[path]?.version === version),
  );
}

/** The packages of the release's own workspaces lead to its own folders, all others to ours. */
async function linkPackages(folder: string, { packages }: Lock): Promise<void> {
  const links = Object.entries(packages).filter(([, { link }]) => link);
  const own = links.map(([path, { resolved = '' }]) => [path, join(folder, resolved)] as const);
  const scopes = new Set(own.map(([path]) => path.split('/')[1]));
  const names = await readdir(join(REPOSITORY, MODULES));
  const others = names
    .filter((name) => !name.startsWith('.') && !scopes.has(name))
    .map((name) => [MODULES + name, join(REPOSITORY, MODULES, name)] as const);
  for (const [path, target] of [...own, ...others]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await symlink(target, join(folder, path));
  }
}
