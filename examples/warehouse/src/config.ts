import { type ConfigSource, LOG_LEVELS, readConfig } from '@order-events/runtime';
import { z } from 'zod';

const schema = z.object({
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  /** host:port of the stream gateway. */
  WAREHOUSE_GATEWAY: z.string().default('127.0.0.1:50051'),
  /** Where the orders API is. */
  WAREHOUSE_API_URL: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:3000'),
  /** All warehouse processes with the same name share the work. */
  WAREHOUSE_SUBSCRIPTION: z
    .string()
    .regex(/^[a-z0-9._-]{1,200}$/, "must be 1 to 200 of a-z, 0-9, '.', '_', '-'")
    .default('warehouse'),
});

export type WarehouseConfig = z.output<typeof schema>;

/** Throws a ConfigError that names all faults. */
export function warehouseConfig(env: Record<string, string | undefined> = process.env): {
  config: WarehouseConfig;
  source: ConfigSource<typeof schema.shape>;
} {
  const source = { schema, env, prefix: 'WAREHOUSE_', secrets: [] };
  return { config: readConfig(source), source };
}
