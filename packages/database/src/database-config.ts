import { hasUsablePort, reasonOf } from '@order-events/runtime';
import { z } from 'zod';
import { DEVELOPMENT_DATABASE_URL } from './database.ts';
import { type DatabaseTransport, databaseTransport, ONE_HOST } from './database-transport.ts';
import { settledUrl } from './session-settings.ts';

const FORM = 'must be a URL such as postgres://user:password@host:5432/database';
/** With ports, a list of hosts is no URL at all. */
const HOSTS_WITH_PORTS = /^postgres(ql)?:\/\/([^/?#]*@)?[^/?#@]*:\d+,/;
const url = z
  .url({
    protocol: /^postgres(ql)?$/,
    error: ({ input }) => (HOSTS_WITH_PORTS.test(String(input)) ? ONE_HOST : FORM),
  })
  .refine(hasUsablePort, { message: FORM });

/** Settings of every process that uses the database; spread them into its schema, DATABASE_SECRETS and databaseFaults likewise. */
export const databaseSettings = {
  DATABASE_URL: url.default(DEVELOPMENT_DATABASE_URL).describe('PostgreSQL, or PgBouncer in front of it.'),
  DATABASE_DIRECT_URL: url
    .optional()
    .describe(
      'Past a pooler in transaction mode, to the server itself; set it exactly when DATABASE_URL leads to such a pooler.',
    ),
  DATABASE_CLEARTEXT: z
    .enum(['refuse', 'accept'])
    .default('refuse')
    .describe(
      'Whether production may speak to a database beyond this machine without TLS, where all that goes over the network can be read and changed: `accept` only where the network itself is closed.',
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
  /** What operators should know of how it is reached. */
  readonly warnings: readonly string[];
}

/** What is wrong with settings that are valid one by one. */
export function databaseFaults(config: DatabaseSettings & { readonly NODE_ENV: string }): string[] {
  const isProduction = config.NODE_ENV === 'production';
  const faults = DATABASE_SECRETS.flatMap((name) => {
    const url = config[name];
    if (url === undefined) return [];
    const fault = urlFault(url, isProduction && config.DATABASE_CLEARTEXT === 'refuse');
    return fault === undefined ? [] : [`${name}: ${fault}`];
  });
  if (isProduction && config.DATABASE_URL === DEVELOPMENT_DATABASE_URL) {
    faults.push('DATABASE_URL: must be set in production; the default is for development');
  }
  return faults;
}

function urlFault(url: string, refusesCleartext: boolean): string | undefined {
  try {
    settledUrl(url);
    const transport = databaseTransport(url);
    if (!refusesCleartext || transport !== 'clear') return undefined;
    return 'leads over a network without TLS, which production refuses: add sslmode=verify-full (and sslrootcert=FILE), or set DATABASE_CLEARTEXT=accept';
  } catch (error) {
    return reasonOf(error);
  }
}

export function databaseAccess(config: DatabaseSettings): DatabaseAccess {
  const { DATABASE_URL: pooledUrl, DATABASE_DIRECT_URL: directUrl } = config;
  return {
    url: pooledUrl,
    directUrl: directUrl ?? pooledUrl,
    throughPooler: directUrl !== undefined,
    warnings: DATABASE_SECRETS.flatMap((name) => {
      const warning = transportWarning(config[name]);
      return warning === undefined ? [] : [`${name}: ${warning}`];
    }),
  };
}

const TRANSPORT_WARNINGS: Readonly<Partial<Record<DatabaseTransport, string>>> = {
  clear: 'leads over a network without TLS: whoever is in between reads and changes what is said',
  unverified:
    'whoever answers is taken for the database, as the certificate or its name is not checked: use sslmode=verify-full',
};

function transportWarning(url: string | undefined): string | undefined {
  return url === undefined ? undefined : TRANSPORT_WARNINGS[databaseTransport(url)];
}
