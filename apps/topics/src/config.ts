import {
  KAFKA_SECRETS,
  kafkaFaults,
  kafkaSettings,
  readConfig,
  type ConfigSource,
} from '@order-events/runtime';
import { z } from 'zod';

const wholeNumber = (from: number, to: number) => z.coerce.number().int().min(from).max(to);

export const topicsSettings = z.object({
  NODE_ENV: z
    .enum(['development', 'production', 'test'])
    .default('development')
    .describe('`production` refuses the defaults that are meant for development.'),
  ...kafkaSettings,
  KAFKA_TOPIC_PARTITIONS: wholeNumber(1, 10_000)
    .default(12)
    .describe('Of a topic that is created; one that exists must have as many.'),
  KAFKA_TOPIC_REPLICATION_FACTOR: wholeNumber(1, 32_767).default(1).describe('Of a topic that is created.'),
  KAFKA_TOPIC_WAIT_MS: wholeNumber(1, 2_147_483_647)
    .default(120_000)
    .describe('How long the job waits for Kafka.'),
});

export type TopicsConfig = z.output<typeof topicsSettings>;

/** Settings of the job that creates the topic. Throws a ConfigError that names all faults. */
export function topicsConfig(env: Record<string, string | undefined> = process.env): TopicsConfig {
  const source: ConfigSource<typeof topicsSettings.shape> = {
    schema: topicsSettings,
    env,
    prefix: 'KAFKA_TOPIC_',
    secrets: KAFKA_SECRETS,
    refine: faultsAcrossSettings,
  };
  return readConfig(source);
}

function faultsAcrossSettings(config: TopicsConfig): string[] {
  const faults = kafkaFaults(config);
  if (config.KAFKA_BROKERS.length === 0)
    faults.push('KAFKA_BROKERS: must name the brokers of the topic to be');
  return faults;
}
