import { DATABASE_SECRETS, databaseFaults, databaseSettings } from '@order-events/database';
import { LOG_LEVELS, readConfig, type ConfigSource } from '@order-events/runtime';
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65535);

const schema = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
  ...databaseSettings,
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  API_HOST: z.string().default('127.0.0.1'),
  API_PORT: port.default(3000),
  API_ADMIN_HOST: z.string().default('127.0.0.1'),
  API_ADMIN_PORT: port.default(9100),
  API_DATABASE_POOL_SIZE: z.coerce.number().int().min(1).max(200).default(10),
  API_STOP_DEADLINE_MS: z.coerce.number().int().min(1000).max(120_000).default(10_000),
});

export type ApiConfig = z.output<typeof schema>;

/** The API's settings; it has none for Kafka. Throws a ConfigError that names all faults. */
export function apiConfig(env: Record<string, string | undefined> = process.env): {
  config: ApiConfig;
  source: ConfigSource<typeof schema.shape>;
} {
  const source: ConfigSource<typeof schema.shape> = {
    schema,
    env,
    prefix: 'API_',
    secrets: DATABASE_SECRETS,
    refine: databaseFaults,
  };
  return { config: readConfig(source), source };
}
