import { join, resolve } from 'node:path';
import { findFreePort } from './free-port.ts';
import { createKafkaBroker, type KafkaBroker } from './kafka-broker.ts';
import { DEFAULT_KAFKA, KAFKA_VERSIONS, type KafkaLine } from './kafka-jars.ts';
import { type LetIn, planSecuredListener, type SecuredListener } from './kafka-login.ts';
import { SINGLE_BROKER_SETTINGS } from './kafka-settings.ts';
import { createServerDirectory } from './server-directory.ts';

export interface EmbeddedKafkaOptions {
  /** Default: the one that the product is run with. */
  readonly line?: KafkaLine;
  /** Kept when the owner ends, and used again if it is formatted. Default: a fresh one that is removed at the end. */
  readonly dataDir?: string;
  /** On 127.0.0.1; default: a free one, kept through restarts. */
  readonly port?: number;
  /** Broker settings by name, as in server.properties. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Further arguments of Java for the broker. */
  readonly javaArgs?: readonly string[];
  /** Default: the same for all that are started here. */
  readonly clusterId?: string;
  /** Adds a listener with TLS for these. */
  readonly securedFor?: LetIn;
}

export interface EmbeddedKafka extends KafkaBroker {
  /** One `host:port`. */
  readonly brokers: string[];
  /** For example 4.3.1. */
  readonly version: string;
  /** With `securedFor`. */
  readonly secured: SecuredListener | undefined;
}

const MAX_HEAP_MB = 384;

/** Starts a real Apache Kafka (KRaft) for tests and demonstrations. It ends with this process at the latest, even by SIGKILL. */
export async function startEmbeddedKafka(options: EmbeddedKafkaOptions = {}): Promise<EmbeddedKafka> {
  const { line = DEFAULT_KAFKA } = options;
  const directory = await createServerDirectory('kafka');
  const port = options.port ?? (await findFreePort());
  const controllerPort = await findFreePort();
  const secured = options.securedFor && (await planSecuredListener(directory, options.securedFor));
  const listeners = [
    `PLAINTEXT://127.0.0.1:${port}`,
    `CONTROLLER://127.0.0.1:${controllerPort}`,
    ...(secured ? [secured.address] : []),
  ];
  const broker = await createKafkaBroker({
    directory,
    dataDir: resolve(options.dataDir ?? join(directory, 'data')),
    port,
    line,
    maxHeapMb: MAX_HEAP_MB,
    settings: {
      ...SINGLE_BROKER_SETTINGS,
      listeners: listeners.join(),
      'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
      ...secured?.settings,
      ...options.settings,
    },
    formatArgs: secured?.formatArgs ?? [],
    javaArgs: options.javaArgs ?? [],
    clusterId: options.clusterId,
  });
  await broker.start();
  return Object.assign(broker, {
    brokers: [`127.0.0.1:${port}`],
    version: KAFKA_VERSIONS[line],
    secured: secured?.listener,
  });
}
