import { join } from 'node:path';
import { findFreePort } from './free-port.ts';
import { createKafkaBroker, type KafkaBroker } from './kafka-broker.ts';
import type { KafkaLine } from './kafka-jars.ts';
import { runKafkaTool } from './kafka-java.ts';
import { REPLICATED_SETTINGS, SINGLE_BROKER_SETTINGS } from './kafka-settings.ts';
import { createServerDirectory } from './server-directory.ts';

export interface EmbeddedKafkaClusterOptions {
  /** Default: the one that the product is run with. */
  readonly line?: KafkaLine | undefined;
  /** Broker settings by name, for all brokers. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedKafkaCluster {
  /** `host:port` of each. */
  readonly brokers: string[];
  /** The broker with node id n is at n - 1. */
  readonly nodes: readonly KafkaBroker[];
  /** Gives the lead of every partition back to the first of its replicas that it was created with. */
  electPreferredLeaders(): Promise<void>;
  /** SIGKILL for all that run. */
  kill(): Promise<void>;
}

const SIZE = 3;
const MAX_HEAP_MB = 256;

/**
 * Starts a real cluster of three brokers that are controllers as well: the smallest that goes on, and acknowledges nothing that one
 * of them alone has, while one is away. It ends with this process at the latest, even by SIGKILL.
 */
export async function startEmbeddedKafkaCluster(
  options: EmbeddedKafkaClusterOptions = {},
): Promise<EmbeddedKafkaCluster> {
  const plans: { directory: string; port: number; controllerPort: number }[] = [];
  for (let node = 1; node <= SIZE; node += 1) {
    plans.push({
      directory: await createServerDirectory('kafka'),
      port: await findFreePort(),
      controllerPort: await findFreePort(),
    });
  }
  const voters = plans.map(({ controllerPort }, index) => `${index + 1}@127.0.0.1:${controllerPort}`);
  const nodes = await Promise.all(
    plans.map(({ directory, port, controllerPort }, index) =>
      createKafkaBroker({
        directory,
        dataDir: join(directory, 'data'),
        port,
        line: options.line,
        maxHeapMb: MAX_HEAP_MB,
        settings: {
          ...SINGLE_BROKER_SETTINGS,
          ...REPLICATED_SETTINGS,
          'node.id': String(index + 1),
          listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
          'controller.quorum.voters': voters.join(),
          ...options.settings,
        },
      }),
    ),
  );
  const kill = async () => void (await Promise.all(nodes.map((node) => node.kill())));
  // None is admitted before a majority of the controllers runs.
  await Promise.all(nodes.map((node) => node.start())).catch(async (error: unknown) => {
    await kill();
    throw error;
  });
  const brokers = plans.map(({ port }) => `127.0.0.1:${port}`);
  return { brokers, nodes, electPreferredLeaders: () => electPreferredLeaders(brokers), kill };
}

async function electPreferredLeaders(brokers: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await runKafkaTool('org.apache.kafka.tools.LeaderElectionCommand', [
    ...['--bootstrap-server', brokers.join(), '--election-type', 'preferred', '--all-topic-partitions'],
  ]);
  if (exitCode !== 0) throw new Error(`the leaders were not elected:\n${stdout}${stderr}`);
}
