import { globSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The one place; everything else repeats it, because npm and Helm want it there. */
const SOURCE = 'package.json';
const CHART = 'ops/helm/order-events/Chart.yaml';
const OWN_PACKAGE = '@order-events/';

interface Manifest {
  version?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

export function projectVersion(root: string): string {
  return readManifest(root, SOURCE).version ?? '';
}

/** Each place that names another version than package.json does. */
export function differingVersions(root: string): string[] {
  const version = projectVersion(root);
  return filesWithVersion(root).flatMap((file) =>
    versionsIn(readFileSync(path.join(root, file), 'utf8'), file)
      .filter((named) => named.version !== version)
      .map((named) => `${file}: ${named.of} is ${named.version}, not ${version}`),
  );
}

/** Writes a version into package.json and everywhere else where it stands. What is generated from it is not made anew. */
export function setVersion(root: string, version: string): void {
  if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version)) {
    throw new Error(`"${version}" is no version: must be like 1.2.3 or 1.2.3-rc.1, see semver.org`);
  }
  for (const file of filesWithVersion(root)) {
    const at = path.join(root, file);
    const text = readFileSync(at, 'utf8');
    writeFileSync(at, file === CHART ? chartWith(text, version) : manifestWith(text, file, version));
  }
}

function filesWithVersion(root: string): string[] {
  return [
    SOURCE,
    'package-lock.json',
    ...globSync('{apps,examples,packages}/*/package.json', { cwd: root }).sort(),
    CHART,
  ];
}

function versionsIn(text: string, file: string): { of: string; version: string | undefined }[] {
  if (file === CHART) {
    return ['version', 'appVersion'].map((key) => ({
      of: key,
      version: new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1],
    }));
  }
  return manifestsIn(JSON.parse(text), file).flatMap(([name, manifest]) => [
    { of: `version${name}`, version: manifest.version },
    ...ownDependencies(manifest).map(([of, to]) => ({ of: of + name, version: to[of] })),
  ]);
}

function chartWith(text: string, version: string): string {
  return text.replace(/^(version|appVersion): .*$/gm, `$1: ${version}`);
}

function manifestWith(text: string, file: string, version: string): string {
  const content: unknown = JSON.parse(text);
  for (const [, manifest] of manifestsIn(content, file)) {
    manifest.version = version;
    for (const [name, dependencies] of ownDependencies(manifest)) dependencies[name] = version;
  }
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** A manifest is one; the lock file has one for itself, for the project and for each workspace. */
function manifestsIn(content: unknown, file: string): [name: string, manifest: Manifest][] {
  if (file !== 'package-lock.json') return [['', content as Manifest]];
  const lock = content as Manifest & { packages: Record<string, Manifest> };
  const own = Object.entries(lock.packages).filter(([at]) => !at.includes('node_modules'));
  return [['', lock], ...own.map(([at, manifest]): [string, Manifest] => [` of "${at}"`, manifest])];
}

function ownDependencies(manifest: Manifest): [name: string, dependencies: Record<string, string>][] {
  return [manifest.dependencies ?? {}, manifest.devDependencies ?? {}].flatMap((dependencies) =>
    Object.keys(dependencies)
      .filter((name) => name.startsWith(OWN_PACKAGE))
      .map((name): [string, Record<string, string>] => [name, dependencies]),
  );
}

function readManifest(root: string, file: string): Manifest {
  return JSON.parse(readFileSync(path.join(root, file), 'utf8'));
}
