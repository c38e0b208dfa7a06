import { type ConfigSource, readConfig } from '@order-events/runtime';
import { z } from 'zod';
import { DATABASE_SECRETS, databaseAccess, databaseFaults, databaseSettings } from './database-config.ts';

export const migrateSettings = z.object({
  NODE_ENV: z
    .enum(['development', 'production', 'test'])
    .default('development')
    .describe('`production` refuses the defaults that are meant for development.'),
  ...databaseSettings,
  MIGRATE_WAIT_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(2_147_483_647)
    .default(60_000)
    .describe('How long the job waits for PostgreSQL.'),
});

export interface MigrateConfig {
  readonly url: string;
  /** How long to wait for a server that does not answer yet. */
  readonly waitMs: number;
  /** What operators should know of how the database is reached. */
  readonly warnings: readonly string[];
}

/** Settings of the migrate job. Throws a ConfigError that names all faults. */
export function migrateConfig(env: Record<string, string | undefined> = process.env): MigrateConfig {
  const source: ConfigSource<typeof migrateSettings.shape> = {
    schema: migrateSettings,
    env,
    prefix: 'MIGRATE_',
    secrets: DATABASE_SECRETS,
    refine: databaseFaults,
  };
  const config = readConfig(source);
  // A migration needs a session of its own, which a pooler does not give.
  const { directUrl, warnings } = databaseAccess(config);
  return { url: directUrl, waitMs: config.MIGRATE_WAIT_MS, warnings };
}
