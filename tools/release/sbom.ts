import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const MANIFESTS = ['.npmrc', 'package.json', 'package-lock.json', '{apps,examples,packages}/*/package.json'];
const INSTALL_DEADLINE_MS = 10 * 60_000;
const MAX_BYTES = 64 * 1024 * 1024;

interface Bom {
  readonly components: readonly { readonly name: string; readonly version: string }[];
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly link?: boolean }>>;
}

/**
 * The bill of materials (CycloneDX, JSON) of what the image has from npm on this platform. It is made from an installation without
 * what development needs: from the lock file alone npm leaves packages out that both need. Throws when one that is installed is missing.
 */
export async function buildSbom(root: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sbom-'));
  // npm names the component after the folder.
  const copy = path.join(folder, 'order-events');
  try {
    for (const file of globSync(MANIFESTS, { cwd: root })) {
      await mkdir(path.dirname(path.join(copy, file)), { recursive: true });
      await cp(path.join(root, file), path.join(copy, file));
    }
    await npm(copy, 'ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund');
    await withoutDevelopment(path.join(copy, 'package.json'));
    const text = await npm(copy, 'sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application');
    const lock: Lock = JSON.parse(await readFile(path.join(copy, 'node_modules/.package-lock.json'), 'utf8'));
    const missing = missingFrom(JSON.parse(text), lock);
    if (missing.length > 0) throw new Error(`the bill of materials lacks ${missing.join(', ')}`);
    return text;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function missingFrom({ components }: Bom, { packages }: Lock): string[] {
  const listed = new Set(components.map(({ name, version }) => `${name}@${version}`));
  return Object.entries(packages)
    .filter(([at, { link }]) => at.includes('node_modules/') && !link)
    .map(([at, { version }]) => `${at.split('node_modules/').at(-1)}@${version}`)
    .filter((installed) => !listed.has(installed));
}

async function withoutDevelopment(file: string): Promise<void> {
  const { devDependencies: _left, ...manifest } = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify(manifest, null, 2));
}

async function npm(cwd: string, ...args: string[]): Promise<string> {
  const limits = { maxBuffer: MAX_BYTES, timeout: INSTALL_DEADLINE_MS };
  const { stdout } = await promisify(execFile)('npm', args, { cwd, ...limits });
  return stdout;
}
