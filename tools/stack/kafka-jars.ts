import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isAlive } from './process-table.ts';

const POM_FILE = join(import.meta.dirname, 'kafka', 'pom.xml');
const STACK_DIR = join(import.meta.dirname, '..', '..', '.stack');
/** In a directory of jars: the pom.xml that they were resolved from; written last. */
const MARKER = 'resolved-from-pom.xml';
const LOCK_FILE = join(STACK_DIR, 'kafka-libs.lock');
const OLDEST_JAVA = 17;
const RESOLVE_DEADLINE_MS = 20 * 60_000;

/** The Kafka that is run, and the oldest that is tested against. */
export const KAFKA_VERSIONS = { '4.3': '4.3.1', '3.9': '3.9.2' } as const;
export type KafkaLine = keyof typeof KAFKA_VERSIONS;
export const DEFAULT_KAFKA: KafkaLine = '4.3';

const run = promisify(execFile);

/** The class path of Kafka's broker and tools. Maven resolves the jars the first time, and again when the pom.xml has changed. */
export async function kafkaClassPath(line: KafkaLine = DEFAULT_KAFKA): Promise<string> {
  const version = KAFKA_VERSIONS[line];
  const directory = join(STACK_DIR, line === DEFAULT_KAFKA ? 'kafka-libs' : `kafka-libs-${line}`);
  const pom = (await readFile(POM_FILE, 'utf8')).replaceAll('${kafka.version}', version);
  if (!(await isResolved(directory, pom))) await withLock(() => resolveJars(directory, pom, version));
  return join(directory, '*');
}

/** The version among the names of Kafka's jars, for example 4.3.1. */
export function kafkaVersion(jars: readonly string[]): string {
  const versions = jars.map((jar) => /^kafka_[\d.]+-([\d.]+)\.jar$/.exec(jar)?.[1]);
  return versions.find((version) => version !== undefined) ?? 'of unknown version';
}

async function isResolved(directory: string, pom: string): Promise<boolean> {
  return (await readFile(join(directory, MARKER), 'utf8').catch(() => undefined)) === pom;
}

async function resolveJars(directory: string, pom: string, version: string): Promise<void> {
  // Another process may have done it while this one waited for the lock.
  if (await isResolved(directory, pom)) return;
  await requireJava();
  process.stderr.write(`Kafka ${version}: fetching the jars with Maven (only the first time)\n`);
  await rm(directory, { recursive: true, force: true });
  const args = [
    ...['-B', '-q', '-f', POM_FILE, `-Dkafka.version=${version}`],
    ...['dependency:copy-dependencies', `-DoutputDirectory=${directory}`],
    // The older line logs through reload4j by itself; one configuration is enough.
    '-DexcludeArtifactIds=slf4j-reload4j',
  ];
  try {
    await run('mvn', args, { timeout: RESOLVE_DEADLINE_MS, maxBuffer: 64 * 1024 * 1024 });
  } catch (error: unknown) {
    if (hasCode(error, 'ENOENT')) {
      throw new Error(
        "mvn not found: Maven fetches Kafka's jars; install it (apt install maven, brew install maven)",
      );
    }
    const output = error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
    throw new Error(`Maven could not fetch Kafka's jars:\n${output.slice(0, 2_000)}`, { cause: error });
  }
  await writeFile(join(directory, MARKER), pom);
}

async function requireJava(): Promise<void> {
  const mend = `install Java ${OLDEST_JAVA} or newer (apt install openjdk-17-jre-headless, brew install openjdk)`;
  let output: string;
  try {
    output = (await run('java', ['-version'])).stderr;
  } catch (error: unknown) {
    if (hasCode(error, 'ENOENT')) throw new Error(`java not found: Kafka needs it; ${mend}`);
    throw new Error(`java does not run; ${mend}`, { cause: error });
  }
  // "1.8.0_402" before Java 9, "17.0.15" since.
  const version = /version "(?:1\.)?(\d+)/.exec(output)?.[1];
  if (Number(version) < OLDEST_JAVA)
    throw new Error(`java is version ${version}: too old for Kafka; ${mend}`);
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
