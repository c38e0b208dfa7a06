import { DATABASE_SECRETS, databaseFaults, databaseSettings } from '@order-events/database';
import {
  KAFKA_SECRETS,
  kafkaFaults,
  kafkaSettings,
  readConfig,
  type ConfigSource,
} from '@order-events/runtime';
import { z } from 'zod';

export const outboxctlSettings = z.object({
  NODE_ENV: z
    .enum(['development', 'production', 'test'])
    .default('development')
    .describe('`production` refuses the defaults that are meant for development.'),
  ...databaseSettings,
  ...kafkaSettings,
  RELAY_LEASE_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .max(60_000)
    .default(3000)
    .describe('As the relays have it: a partition without an owner for longer is not being handed over.'),
});

export type OutboxctlConfig = z.output<typeof outboxctlSettings>;

/** The settings, under the names that the relay reads. Throws a ConfigError that names all faults. */
export function outboxctlConfig(env: Readonly<Record<string, string | undefined>>): OutboxctlConfig {
  const source: ConfigSource<typeof outboxctlSettings.shape> = {
    schema: outboxctlSettings,
    env,
    prefix: 'OUTBOXCTL_',
    secrets: [...DATABASE_SECRETS, ...KAFKA_SECRETS],
    refine: (config) => [...databaseFaults(config), ...kafkaFaults(config)],
  };
  return readConfig(source);
}
