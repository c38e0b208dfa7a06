import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Debian installs it where only root looks. */
const PLACES = ['pgbouncer', '/usr/sbin/pgbouncer', '/usr/local/sbin/pgbouncer'];
const INSTALL_DEADLINE_MS = 10 * 60_000;
const MEND = 'install it (apt install pgbouncer, brew install pgbouncer)';

const run = promisify(execFile);

let found: Promise<string> | undefined;

/**
 * Where PgBouncer is. There is no package of it for npm or Maven: on Debian it is installed when this process is root. Throws with
 * an instruction where that does not work.
 */
export function findPgbouncer(): Promise<string> {
  return (found ??= findOrInstall());
}

async function findOrInstall(): Promise<string> {
  const there = await findInstalled();
  if (there) return there;
  if (process.getuid?.() !== 0 || !(await runs('apt-get'))) throw new Error(`pgbouncer not found: ${MEND}`);
  process.stderr.write('PgBouncer: installing the Debian package (only the first time)\n');
  try {
    await aptGet('update');
    await aptGet('install', '--yes', '--no-install-recommends', 'pgbouncer');
  } catch (error: unknown) {
    throw new Error(`pgbouncer not found, and apt-get could not install it: ${MEND}`, { cause: error });
  }
  const installed = await findInstalled();
  if (!installed) throw new Error(`pgbouncer was installed and does not run: ${MEND}`);
  return installed;
}

async function findInstalled(): Promise<string | undefined> {
  for (const place of PLACES) if (await runs(place)) return place;
  return undefined;
}

function runs(program: string): Promise<boolean> {
  return run(program, ['--version']).then(
    () => true,
    () => false,
  );
}

async function aptGet(...args: string[]): Promise<void> {
  // In run level 1 the package does not start its own service.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await run('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], { env, timeout: INSTALL_DEADLINE_MS });
}
