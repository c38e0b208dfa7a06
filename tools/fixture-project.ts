import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..');

export interface FixtureProject {
  readonly root: string;
  remove(): Promise<void>;
}

/**
 * Lays folders over each other (the last one wins) into a project of its own, with its packages linked under node_modules as npm
 * links workspaces. It lies inside this repository, so that packages from the registry are found the usual way, upwards.
 */
export async function createFixtureProject(layers: readonly string[]): Promise<FixtureProject> {
  const cache = path.join(ROOT, '.cache');
  await mkdir(cache, { recursive: true });
  const root = await mkdtemp(path.join(cache, 'fixture-'));
  for (const layer of layers) await cp(layer, root, { recursive: true });
  await linkWorkspaces(root);
  return { root, remove: () => rm(root, { recursive: true, force: true }) };
}

async function linkWorkspaces(root: string): Promise<void> {
  for (const folder of await readdir(path.join(root, 'packages'))) {
    const target = path.join(root, 'packages', folder);
    const manifest: { name: string } = JSON.parse(await readFile(path.join(target, 'package.json'), 'utf8'));
    const link = path.join(root, 'node_modules', manifest.name);
    await mkdir(path.dirname(link), { recursive: true });
    await symlink(target, link);
  }
}
