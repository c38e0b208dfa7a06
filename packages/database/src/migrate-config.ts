import { ConfigError } from '@order-events/runtime';
import { DEVELOPMENT_DATABASE_URL } from './database.ts';

export interface MigrateConfig {
  readonly url: string;
  /** How long to wait for the server to answer. */
  readonly waitMs: number;
}

/** Settings of the migrate job. Throws ConfigError. */
export function migrateConfig(env: Record<string, string | undefined> = process.env): MigrateConfig {
  const waitMs = Number(env['MIGRATE_WAIT_MS'] || 60_000);
  if (!Number.isSafeInteger(waitMs) || waitMs < 0) {
    throw new ConfigError('MIGRATE_WAIT_MS: must be a whole number of milliseconds, 0 or more');
  }
  return { url: env['DATABASE_URL'] || DEVELOPMENT_DATABASE_URL, waitMs };
}
