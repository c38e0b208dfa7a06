import { DEVELOPMENT_DATABASE_URL } from '@order-events/database';
import {
  KAFKA_SECRETS,
  kafkaFaults,
  kafkaSettings,
  readConfig,
  type ConfigSource,
} from '@order-events/runtime';
import { z } from 'zod';

const schema = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).default(DEVELOPMENT_DATABASE_URL),
  ...kafkaSettings,
  /** As the relays have it: a partition without an owner for longer is not being handed over. */
  RELAY_LEASE_MS: z.coerce.number().int().min(1000).max(60_000).default(3000),
});

export type OutboxctlConfig = z.output<typeof schema>;

/** The settings, under the names that the relay reads. Throws a ConfigError that names all faults. */
export function outboxctlConfig(env: Record<string, string | undefined> = process.env): OutboxctlConfig {
  const source: ConfigSource<typeof schema.shape> = {
    schema,
    env,
    prefix: 'OUTBOXCTL_',
    secrets: ['DATABASE_URL', ...KAFKA_SECRETS],
    refine: faultsAcrossSettings,
  };
  return readConfig(source);
}

function faultsAcrossSettings(config: OutboxctlConfig): string[] {
  const faults = kafkaFaults(config);
  if (config.NODE_ENV === 'production' && config.DATABASE_URL === DEVELOPMENT_DATABASE_URL) {
    faults.push('DATABASE_URL: must be set in production; the default is for development');
  }
  return faults;
}
