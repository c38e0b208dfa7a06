import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isAlive } from './process-table.ts';

const STACK_DIR = join(import.meta.dirname, '..', '..', '.stack');
/** In a directory of jars: the pom.xml that they were resolved from; written last. */
const MARKER = 'resolved-from-pom.xml';
const LOCK_FILE = join(STACK_DIR, 'kafka-libs.lock');
const OLDEST_JAVA = 17;
const RESOLVE_DEADLINE_MS = 20 * 60_000;

const run = promisify(execFile);

export interface JarSet {
  /** For people, with its version: `Kafka 4.3.1`. */
  readonly name: string;
  readonly pomFile: string;
  /** Values of the pom's properties, by name. */
  readonly properties: Readonly<Record<string, string>>;
  /** Below `.stack`. */
  readonly directory: string;
  readonly excludedArtifacts?: readonly string[];
}

/** The class path of jars that a pom.xml names. Maven resolves them the first time, and again when the pom.xml has changed. */
export async function classPathOf(jars: JarSet): Promise<string> {
  const directory = join(STACK_DIR, jars.directory);
  const pom = Object.entries(jars.properties).reduce(
    (text, [name, value]) => text.replaceAll(`\${${name}}`, value),
    await readFile(jars.pomFile, 'utf8'),
  );
  if (!(await isResolved(directory, pom))) await withLock(() => resolveJars(jars, directory, pom));
  return join(directory, '*');
}

async function isResolved(directory: string, pom: string): Promise<boolean> {
  return (await readFile(join(directory, MARKER), 'utf8').catch(() => undefined)) === pom;
}

async function resolveJars(jars: JarSet, directory: string, pom: string): Promise<void> {
  // Another process may have done it while this one waited for the lock.
  if (await isResolved(directory, pom)) return;
  await requireJava();
  process.stderr.write(`${jars.name}: fetching the jars with Maven (only the first time)\n`);
  await rm(directory, { recursive: true, force: true });
  const args = [
    ...['-B', '-q', '-f', jars.pomFile],
    ...Object.entries(jars.properties).map(([name, value]) => `-D${name}=${value}`),
    ...['dependency:copy-dependencies', `-DoutputDirectory=${directory}`],
    `-DexcludeArtifactIds=${(jars.excludedArtifacts ?? []).join(',')}`,
  ];
  try {
    await run('mvn', args, { timeout: RESOLVE_DEADLINE_MS, maxBuffer: 64 * 1024 * 1024 });
  } catch (error: unknown) {
    if (hasCode(error, 'ENOENT')) {
      throw new Error(
        `mvn not found: Maven fetches the jars of ${jars.name}; install it (apt install maven, brew install maven)`,
      );
    }
    const output = error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
    throw new Error(`Maven could not fetch the jars of ${jars.name}:\n${output.slice(0, 2_000)}`, {
      cause: error,
    });
  }
  await writeFile(join(directory, MARKER), pom);
}

async function requireJava(): Promise<void> {
  const mend = `install Java ${OLDEST_JAVA} or newer (apt install openjdk-17-jre-headless, brew install openjdk)`;
  let output: string;
  try {
    output = (await run('java', ['-version'])).stderr;
  } catch (error: unknown) {
    if (hasCode(error, 'ENOENT')) throw new Error(`java not found: the servers need it; ${mend}`);
    throw new Error(`java does not run; ${mend}`, { cause: error });
  }
  // "1.8.0_402" before Java 9, "17.0.15" since.
  const version = /version "(?:1\.)?(\d+)/.exec(output)?.[1];
  if (Number(version) < OLDEST_JAVA)
    throw new Error(`java is version ${version}: too old for the servers; ${mend}`);
}

/** Maven's local repository does not bear two concurrent writers that begin with nothing. */
async function withLock(work: () => Promise<void>): Promise<void> {
  await mkdir(STACK_DIR, { recursive: true });
  const deadline = Date.now() + RESOLVE_DEADLINE_MS;
  while (!(await takeLock())) {
    if (Date.now() > deadline) throw new Error(`still locked by another process: ${LOCK_FILE}`);
    await delay(200);
  }
  try {
    await work();
  } finally {
    await rm(LOCK_FILE, { force: true });
  }
}

async function takeLock(): Promise<boolean> {
  try {
    await writeFile(LOCK_FILE, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error: unknown) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  const holder = Number(await readFile(LOCK_FILE, 'utf8').catch(() => ''));
  if (holder > 0 && !isAlive(holder)) await rm(LOCK_FILE, { force: true });
  return false;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
