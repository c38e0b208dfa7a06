import { ensureTopic } from '@order-events/messaging';
import { type Machine, machineText, thisMachine } from '../bench/machine.ts';
import { startEmbeddedKafka, type EmbeddedKafka } from '../stack/index.ts';

export const PARTITION_COUNT = 12;

export interface BenchServers {
  readonly kafka: EmbeddedKafka;
  readonly kafkaPid: number;
  createTopic(topic: string): Promise<void>;
  stop(): Promise<void>;
}

/** A broker for the benchmark alone; it ends with this process at the latest. */
export async function startBenchServers(): Promise<BenchServers> {
  const kafka = await startEmbeddedKafka();
  if (kafka.pid === undefined) throw new Error('Kafka ended at once');
  return {
    kafka,
    kafkaPid: kafka.pid,
    createTopic: (topic) =>
      ensureTopic(
        { brokers: kafka.brokers, clientId: 'bench' },
        { topic, partitions: PARTITION_COUNT, replicationFactor: 1 },
      ),
    stop: () => kafka.stop(),
  };
}

export function describeGatewayMachine({ kafka }: BenchServers): Promise<{ machine: Machine; text: string }> {
  const machine = { ...thisMachine(), kafka: kafka.version };
  const text = [
    machineText(machine),
    `Node ${machine.node}, Kafka ${kafka.version} (one broker)`,
    'Kafka, gateway, producer and watchers share the cores; "others" is whatever else ran on the machine.',
  ].join('\n');
  return Promise.resolve({ machine, text });
}
