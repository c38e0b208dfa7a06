import {
  type ConfigSource,
  hasNoLogin,
  hasUsablePort,
  LOG_LEVELS,
  readConfig,
  remoteAddress,
  TRACING_SECRETS,
  tracingSettings,
} from '@order-events/runtime';
import { z } from 'zod';

export const warehouseSettings = z.object({
  ...tracingSettings,
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info').describe('Least level that is logged.'),
  WAREHOUSE_GATEWAY: remoteAddress.default('127.0.0.1:50051').describe('host:port of the stream gateway.'),
  WAREHOUSE_GATEWAY_CA_FILE: z
    .string()
    .optional()
    .describe(
      'PEM file with the certificates to trust: the gateway is spoken to through TLS. Read before each connection.',
    ),
  WAREHOUSE_BEARER_FILE: z
    .string()
    .optional()
    .describe(
      'File with the bearer token for the gateway and the orders API. Read before each connection, so that it can be replaced.',
    ),
  WAREHOUSE_API_URL: z
    .url({ protocol: /^https?$/ })
    .refine(hasUsablePort, { message: 'names a port that nobody can listen on' })
    .refine(hasNoLogin, { message: 'must name no user and password, which are never sent' })
    .default('http://127.0.0.1:3000')
    .describe('Where the orders API is.'),
  WAREHOUSE_ARTICLES_FILE: z
    .string()
    .optional()
    .describe(
      'File with the articles (sku) that are known, one a line, read for each order that comes in: orders with others are set aside. Unset: all are known.',
    ),
  WAREHOUSE_SUBSCRIPTION: z
    .string()
    .regex(/^[a-z0-9._-]{1,200}$/, "must be 1 to 200 of a-z, 0-9, '.', '_', '-'")
    .default('warehouse')
    .describe('All processes with the same name share the work.'),
});

export type WarehouseConfig = z.output<typeof warehouseSettings>;

/** Throws a ConfigError that names all faults. */
export function warehouseConfig(env: Record<string, string | undefined> = process.env): {
  config: WarehouseConfig;
  source: ConfigSource<typeof warehouseSettings.shape>;
} {
  const source = {
    schema: warehouseSettings,
    env,
    prefix: 'WAREHOUSE_',
    secrets: ['WAREHOUSE_API_URL', ...TRACING_SECRETS],
  };
  return { config: readConfig(source), source };
}
