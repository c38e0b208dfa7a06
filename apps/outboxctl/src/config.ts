import { DATABASE_SECRETS, databaseFaults, databaseSettings } from '@order-events/database';
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
  ...databaseSettings,
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
    secrets: [...DATABASE_SECRETS, ...KAFKA_SECRETS],
    refine: (config) => [...databaseFaults(config), ...kafkaFaults(config)],
  };
  return readConfig(source);
}
