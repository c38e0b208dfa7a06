import { DATABASE_SECRETS, databaseFaults, databaseSettings } from '@order-events/database';
import { ACCESS_SECRETS, accessFaults, accessSettings } from '@order-events/access';
import {
  listenHost,
  listenPort,
  LOG_LEVELS,
  readConfig,
  type ConfigSource,
  type ServerTls,
  serverTlsFaults,
  serverTlsSettings,
  TRACING_SECRETS,
  tracingSettings,
} from '@order-events/runtime';
import { z } from 'zod';

const MIN_SECRET_BYTES = 32;
const perMinute = z.coerce.number().int().min(1).max(10_000_000).optional();

export const apiSettings = z.object({
  NODE_ENV: z
    .enum(['development', 'production', 'test'])
    .default('development')
    .describe('`production` refuses the defaults that are meant for development.'),
  ...databaseSettings,
  ...accessSettings,
  ...tracingSettings,
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info').describe('Least level that is logged.'),
  API_HOST: listenHost.default('127.0.0.1').describe('Where the REST API listens.'),
  API_PORT: listenPort.default(3000).describe('0 takes any free port.'),
  API_TLS_CERTIFICATE_FILE: serverTlsSettings.certificateFile,
  API_TLS_KEY_FILE: serverTlsSettings.keyFile,
  API_TLS_CLIENT_CA_FILE: serverTlsSettings.clientCaFile,
  API_TLS_CHECK_MS: serverTlsSettings.checkMs,
  API_ADMIN_HOST: listenHost.default('127.0.0.1').describe('Where probes and metrics listen.'),
  API_ADMIN_PORT: listenPort.default(9100).describe('0 takes any free port.'),
  API_KEEP_ALIVE_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .max(3_600_000)
    .default(75_000)
    .describe(
      'A connection without a request stays open so long; longer than the balancer before it keeps one, or requests meet its end.',
    ),
  API_DOCS: z
    .enum(['on', 'off'])
    .optional()
    .describe(
      'The page `/docs`, where requests can be tried. Without a value it is on, and off in production.',
    ),
  API_DATABASE_POOL_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(10)
    .describe(
      'Most connections to the database, beside one for readiness. Changes leave a fifth of them to reads.',
    ),
  API_DATABASE_WAIT_MS: z.coerce
    .number()
    .int()
    .min(1)
    .max(60_000)
    .default(500)
    .describe('A request that waits longer for a connection, or for other changes of its order, is refused.'),
  API_MAX_REQUESTS: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(256)
    .describe(
      'Most requests at once; one more is answered 503 at once. At most half of them wait to change something.',
    ),
  API_MAX_ORDER_WRITERS: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe('Most requests at once that change one order; one more is answered 409 at once.'),
  API_MAX_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('Most connections of clients at once; one more is closed at once.'),
  API_HEADERS_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(100)
    .max(600_000)
    .default(15_000)
    .describe('The headers of a request must have arrived by then, or it is answered 408.'),
  API_REQUEST_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(100)
    .max(600_000)
    .default(30_000)
    .describe('The whole request must have arrived by then, or it is answered 408 or cut off.'),
  API_DRAIN_DELAY_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(60_000)
    .default(0)
    .describe(
      'After SIGTERM it is not ready, and takes requests for so long yet: longer than a balancer takes to see it.',
    ),
  API_REQUESTS_PER_MINUTE: perMinute.describe(
    'Most requests of one subject, or without a token of one network, at each replica; unset: any number.',
  ),
  API_WRITES_PER_MINUTE: perMinute.describe('The same for those that change something.'),
  API_PAGE_TOKEN_SECRET: z
    .string()
    .refine((secret) => Buffer.byteLength(secret) >= MIN_SECRET_BYTES, {
      message: `must have at least ${MIN_SECRET_BYTES} bytes`,
    })
    .optional()
    .describe(
      'Seals page tokens and changes tokens, the same at all replicas; needed when ACCESS_CONTROL is jwt.',
    ),
  API_STOP_DEADLINE_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .max(120_000)
    .default(10_000)
    .describe('After SIGTERM, the process ends within this time.'),
});

export type ApiConfig = z.output<typeof apiSettings>;

/** In production a page that runs another project's script at the address of the API, with tokens typed into it, is asked for by name. */
export function servesDocs({ API_DOCS, NODE_ENV }: Pick<ApiConfig, 'API_DOCS' | 'NODE_ENV'>): boolean {
  return API_DOCS === undefined ? NODE_ENV !== 'production' : API_DOCS === 'on';
}

/** The API's settings; it has none for Kafka. Throws a ConfigError that names all faults. */
export function apiConfig(env: Record<string, string | undefined> = process.env): {
  config: ApiConfig;
  source: ConfigSource<typeof apiSettings.shape>;
} {
  const source: ConfigSource<typeof apiSettings.shape> = {
    schema: apiSettings,
    env,
    prefix: 'API_',
    secrets: [...DATABASE_SECRETS, ...ACCESS_SECRETS, ...TRACING_SECRETS, 'API_PAGE_TOKEN_SECRET'],
    refine: faultsAcrossSettings,
  };
  return { config: readConfig(source), source };
}

function timeFaults(config: ApiConfig): string[] {
  const faults: string[] = [];
  if (config.API_HEADERS_TIMEOUT_MS > config.API_REQUEST_TIMEOUT_MS) {
    faults.push('API_HEADERS_TIMEOUT_MS: must not be longer than API_REQUEST_TIMEOUT_MS, which contains it');
  }
  if (config.API_DRAIN_DELAY_MS > config.API_STOP_DEADLINE_MS / 2) {
    faults.push(
      'API_DRAIN_DELAY_MS: must be at most half of API_STOP_DEADLINE_MS, the rest is for requests to end',
    );
  }
  return faults;
}

/** How the REST port is spoken to. */
export function apiTls(config: ApiConfig): ServerTls {
  return {
    certificateFile: config.API_TLS_CERTIFICATE_FILE,
    keyFile: config.API_TLS_KEY_FILE,
    clientCaFile: config.API_TLS_CLIENT_CA_FILE,
    checkMs: config.API_TLS_CHECK_MS,
  };
}

function faultsAcrossSettings(config: ApiConfig): string[] {
  const faults = [
    ...databaseFaults(config),
    ...serverTlsFaults('API_TLS_', apiTls(config)),
    ...timeFaults(config),
    ...accessFaults(config),
  ];
  if (config.ACCESS_CONTROL === 'jwt' && config.API_PAGE_TOKEN_SECRET === undefined) {
    faults.push('API_PAGE_TOKEN_SECRET: must be set when ACCESS_CONTROL is jwt, to the same at all replicas');
  }
  return faults;
}
