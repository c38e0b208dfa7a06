import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface DebianProgram {
  /** For people. */
  readonly name: string;
  /** Commands and paths to look for, the best first. */
  readonly places: readonly string[];
  /** The Debian package that has it. */
  readonly debianPackage: string;
  /** What to do where it cannot be installed. */
  readonly mend: string;
}

const INSTALL_DEADLINE_MS = 10 * 60_000;

const run = promisify(execFile);
const found = new Map<string, Promise<string>>();
/** One installation after the other: apt-get takes no two at once. */
let installing: Promise<unknown> = Promise.resolve();

/**
 * Where a program is that npm and Maven do not have: on Debian it is installed when this process is root. Throws with an
 * instruction where that does not work.
 */
export function findDebianProgram(program: DebianProgram): Promise<string> {
  const finding = found.get(program.name) ?? findOrInstall(program);
  found.set(program.name, finding);
  return finding;
}

async function findOrInstall(program: DebianProgram): Promise<string> {
  const { name, debianPackage, mend } = program;
  const there = await findInstalled(program);
  if (there) return there;
  if (process.getuid?.() !== 0 || !(await isThere('apt-get'))) throw new Error(`${name} not found: ${mend}`);
  process.stderr.write(`${name}: installing the Debian package (only the first time)\n`);
  const installed = installing.then(() => install(debianPackage));
  installing = installed.catch(() => {});
  try {
    await installed;
  } catch (error: unknown) {
    throw new Error(`${name} not found, and apt-get could not install it: ${mend}`, { cause: error });
  }
  const place = await findInstalled(program);
  if (!place) throw new Error(`${name} was installed and is not found: ${mend}`);
  return place;
}

async function findInstalled({ places }: DebianProgram): Promise<string | undefined> {
  for (const place of places) if (await isThere(place)) return place;
  return undefined;
}

/** Without starting it: a browser takes any argument for a reason to run. */
function isThere(program: string): Promise<boolean> {
  return run('sh', ['-c', 'command -v "$1"', 'sh', program]).then(
    () => true,
    () => false,
  );
}

async function install(debianPackage: string): Promise<void> {
  await aptGet('update');
  await aptGet('install', '--yes', '--no-install-recommends', debianPackage);
}

async function aptGet(...args: string[]): Promise<void> {
  // In run level 1 a package does not start its own service.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await run('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], { env, timeout: INSTALL_DEADLINE_MS });
}
