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
  OUTBOXCTL_GATEWAY: z
    .string()
    .min(1)
    .default('127.0.0.1:50052')
    .describe(
      "For `held`: host:port of the operators' port of any gateway; through TLS with https:// before it.",
    ),
  OUTBOXCTL_GATEWAY_TOKEN: z
    .string()
    .min(1)
    .optional()
    .describe('The access token for it, with `orders:admin`, where access control is on.'),
  OUTBOXCTL_GATEWAY_CA_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      'PEM file of whom to trust for it, where that is not an authority that Node.js trusts; switches TLS on.',
    ),
});

export type OutboxctlConfig = z.output<typeof outboxctlSettings>;

/** The settings, under the names that the relay reads. Throws a ConfigError that names all faults. */
export function outboxctlConfig(env: Readonly<Record<string, string | undefined>>): OutboxctlConfig {
  const source: ConfigSource<typeof outboxctlSettings.shape> = {
    schema: outboxctlSettings,
    env,
    prefix: 'OUTBOXCTL_',
    secrets: [...DATABASE_SECRETS, ...KAFKA_SECRETS, 'OUTBOXCTL_GATEWAY_TOKEN'],
    refine: (config) => [...databaseFaults(config), ...kafkaFaults(config)],
  };
  return readConfig(source);
}
