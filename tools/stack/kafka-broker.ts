import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_KAFKA, type KafkaLine } from './kafka-jars.ts';
import { kafkaJavaArgs, runKafkaTool } from './kafka-java.ts';
import { askBroker } from './kafka-probe.ts';
import { stopNow } from './process-table.ts';
import { createServerProcess } from './server-process.ts';

/** One broker process that can be broken on purpose. */
export interface KafkaBroker {
  readonly port: number;
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

export interface KafkaBrokerOptions {
  /** From `createServerDirectory`. */
  readonly directory: string;
  readonly dataDir: string;
  /** Of the listener that is asked whether the broker works; without TLS and login. */
  readonly port: number;
  readonly line?: KafkaLine | undefined;
  readonly maxHeapMb: number;
  readonly settings: Readonly<Record<string, string>>;
  /** Further arguments of the storage tool, for what must be there at the first start. */
  readonly formatArgs?: readonly string[];
  readonly javaArgs?: readonly string[];
  /** Of the cluster that it is formatted for. */
  readonly clusterId?: string | undefined;
}

const CLUSTER_ID = '4uPPm3rNR1uF0vvYfXhJQA';

/** Writes the broker's settings and formats its data directory unless it is; the caller starts the broker. */
export async function createKafkaBroker(options: KafkaBrokerOptions): Promise<KafkaBroker> {
  const { directory, dataDir, port, line = DEFAULT_KAFKA } = options;
  const javaArgs = await kafkaJavaArgs('kafka.Kafka', options.maxHeapMb, line);
  const propertiesFile = join(directory, 'server.properties');
  const settings = Object.entries({ ...options.settings, 'log.dirs': dataDir });
  await mkdir(dataDir, { recursive: true });
  await writeFile(propertiesFile, settings.map(([name, value]) => `${name}=${value}\n`).join(''));
  const { clusterId = CLUSTER_ID } = options;
  const formatArgs = ['--cluster-id', clusterId, '--config', propertiesFile, ...(options.formatArgs ?? [])];
  await formatStorage(dataDir, formatArgs, line);

  const server = createServerProcess({
    name: 'Kafka',
    command: 'java',
    args: [...(options.javaArgs ?? []), ...javaArgs, propertiesFile],
    port,
    directory,
    stopSignal: 'SIGTERM',
    discardSignal: 'SIGKILL',
    probe: () => askBroker(port),
  });
  return {
    port,
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

async function formatStorage(dataDir: string, args: readonly string[], line: KafkaLine): Promise<void> {
  const formatted = await stat(join(dataDir, 'meta.properties')).catch(() => undefined);
  if (formatted) return;
  const { exitCode, stdout, stderr } = await runKafkaTool('kafka.tools.StorageTool', ['format', ...args], {
    line,
  });
  if (exitCode !== 0) throw new Error(`Kafka could not format ${dataDir}:\n${stdout}${stderr}`);
}
