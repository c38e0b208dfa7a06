import { ConfigError } from '@order-events/runtime';
import { DEVELOPMENT_DATABASE_URL } from './database.ts';

export interface MigrateConfig {
  readonly url: string;
  /** How long to wait for a server that does not answer yet. */
  readonly waitMs: number;
}

/** Settings of the migrate job. Throws a ConfigError that names all faults. */
export function migrateConfig(env: Record<string, string | undefined> = process.env): MigrateConfig {
  // A migration needs a session of its own, which a pooler does not give.
  const name = env['DATABASE_DIRECT_URL'] ? 'DATABASE_DIRECT_URL' : 'DATABASE_URL';
  const url = env[name] || DEVELOPMENT_DATABASE_URL;
  const waitMs = Number(env['MIGRATE_WAIT_MS'] || 60_000);
  const faults: string[] = [];
  if (!/^postgres(ql)?:$/.test(URL.parse(url)?.protocol ?? '')) {
    faults.push(`${name}: must be a URL such as postgres://user:password@host:5432/database`);
  }
  if (!Number.isSafeInteger(waitMs) || waitMs < 0) {
    faults.push('MIGRATE_WAIT_MS: must be a whole number of milliseconds, 0 or more');
  }
  if (faults.length > 0) throw new ConfigError(faults.join('\n'));
  return { url, waitMs };
}
