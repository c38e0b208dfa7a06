import { hasUsablePort } from '@order-events/runtime';
import { z } from 'zod';
import { DEVELOPMENT_DATABASE_URL } from './database.ts';
import { settledUrl } from './session-settings.ts';

const FORM = 'must be a URL such as postgres://user:password@host:5432/database';
const url = z.url({ protocol: /^postgres(ql)?$/, error: FORM }).refine(hasUsablePort, { message: FORM });

/** Settings of every process that uses the database; spread them into its schema, DATABASE_SECRETS and databaseFaults likewise. */
export const databaseSettings = {
  DATABASE_URL: url.default(DEVELOPMENT_DATABASE_URL).describe('PostgreSQL, or PgBouncer in front of it.'),
  DATABASE_DIRECT_URL: url
    .optional()
    .describe(
      'Past a pooler in transaction mode, to the server itself; set it exactly when DATABASE_URL leads to such a pooler.',
    ),
};

export const DATABASE_SECRETS = ['DATABASE_URL', 'DATABASE_DIRECT_URL'] as const;

export type DatabaseSettings = z.output<z.ZodObject<typeof databaseSettings>>;

/** How to reach the database. */
export interface DatabaseAccess {
  readonly url: string;
  /** To the server itself, for what needs a session: LISTEN, migrations. */
  readonly directUrl: string;
  /** `url` leads to a pooler, which keeps no settings of a session. */
  readonly throughPooler: boolean;
}

/** What is wrong with settings that are valid one by one. */
export function databaseFaults(config: DatabaseSettings & { readonly NODE_ENV: string }): string[] {
  const faults = DATABASE_SECRETS.flatMap((name) => {
    const fault = optionsFault(config[name]);
    return fault === undefined ? [] : [`${name}: ${fault}`];
  });
  if (config.NODE_ENV === 'production' && config.DATABASE_URL === DEVELOPMENT_DATABASE_URL) {
    faults.push('DATABASE_URL: must be set in production; the default is for development');
  }
  return faults;
}

function optionsFault(url: string | undefined): string | undefined {
  try {
    if (url !== undefined) settledUrl(url);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function databaseAccess(config: DatabaseSettings): DatabaseAccess {
  const { DATABASE_URL: pooledUrl, DATABASE_DIRECT_URL: directUrl } = config;
  return { url: pooledUrl, directUrl: directUrl ?? pooledUrl, throughPooler: directUrl !== undefined };
}
