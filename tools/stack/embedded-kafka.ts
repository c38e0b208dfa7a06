import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findFreePort } from './free-port.ts';
import { kafkaVersion, listKafkaJars } from './kafka-jars.ts';
import { kafkaJavaArgs, runKafkaTool } from './kafka-java.ts';
import { askBroker } from './kafka-probe.ts';
import { SINGLE_BROKER_SETTINGS } from './kafka-settings.ts';
import { stopNow } from './process-table.ts';
import { createServerDirectory } from './server-directory.ts';
import { createServerProcess } from './server-process.ts';

export interface EmbeddedKafkaOptions {
  /** Kept when the owner ends, and used again if it is formatted. Default: a fresh one that is removed at the end. */
  readonly dataDir?: string;
  /** On 127.0.0.1; default: a free one, kept through restarts. */
  readonly port?: number;
  /** Broker settings by name, as in server.properties. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedKafka {
  /** One `host:port`. */
  readonly brokers: string[];
  readonly port: number;
  /** For example 4.3.1. */
  readonly version: string;
  /** Undefined while the broker does not run. */
  readonly pid: number | undefined;
  /** Orderly shutdown. */
  stop(): Promise<void>;
  /** After `stop` or `kill`: the same port and data. */
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP: when it returns, connections stay open and nothing answers. Throws when the broker does not run. */
  freeze(): void;
  thaw(): void;
}

const MAX_HEAP_MB = 384;
const CLUSTER_ID = '4uPPm3rNR1uF0vvYfXhJQA';

/** Starts a real Apache Kafka (KRaft) for tests and demonstrations. It ends with this process at the latest, even by SIGKILL. */
export async function startEmbeddedKafka(options: EmbeddedKafkaOptions = {}): Promise<EmbeddedKafka> {
  const javaArgs = await kafkaJavaArgs('kafka.Kafka', MAX_HEAP_MB);
  const directory = await createServerDirectory('kafka');
  const dataDir = resolve(options.dataDir ?? join(directory, 'data'));
  const port = options.port ?? (await findFreePort());
  const controllerPort = await findFreePort();
  const settings = {
    ...SINGLE_BROKER_SETTINGS,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'log.dirs': dataDir,
    ...options.settings,
  };
  const propertiesFile = join(directory, 'server.properties');
  await mkdir(dataDir, { recursive: true });
  await writeFile(
    propertiesFile,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  await formatStorage(dataDir, propertiesFile);

  const server = createServerProcess({
    name: 'Kafka',
    command: 'java',
    args: [...javaArgs, propertiesFile],
    port,
    directory,
    stopSignal: 'SIGTERM',
    discardSignal: 'SIGKILL',
    probe: () => askBroker(port),
  });
  await server.start();

  return {
    brokers: [`127.0.0.1:${port}`],
    port,
    version: kafkaVersion(await listKafkaJars()),
    get pid() {
      return server.pid;
    },
    stop: () => server.stop(),
    start: () => server.start(),
    kill: () => server.kill(),
    freeze() {
      if (server.pid === undefined) throw new Error('Kafka does not run');
      stopNow(server.pid);
    },
    thaw: () => server.signal('SIGCONT'),
  };
}

async function formatStorage(dataDir: string, propertiesFile: string): Promise<void> {
  const formatted = await stat(join(dataDir, 'meta.properties')).catch(() => undefined);
  if (formatted) return;
  const args = ['format', '--cluster-id', CLUSTER_ID, '--config', propertiesFile];
  const { exitCode, stdout, stderr } = await runKafkaTool('kafka.tools.StorageTool', args);
  if (exitCode !== 0) throw new Error(`Kafka could not format ${dataDir}:\n${stdout}${stderr}`);
}
