import {
  type ConfigSource,
  KAFKA_SECRETS,
  kafkaFaults,
  kafkaSettings,
  LOG_LEVELS,
  readConfig,
} from '@order-events/runtime';
import { z } from 'zod';

const MEBIBYTE = 1024 * 1024;

const milliseconds = (from: number, to: number) => z.coerce.number().int().min(from).max(to);
const bytes = (from: number, to: number) => z.coerce.number().int().min(from).max(to);
const port = z.coerce.number().int().min(0).max(65535);

const schema = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
  ...kafkaSettings,
  KAFKA_CLIENT_ID: z.string().default('stream-gateway'),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  GATEWAY_HOST: z.string().default('127.0.0.1'),
  GATEWAY_PORT: port.default(50051),
  GATEWAY_ADMIN_HOST: z.string().default('127.0.0.1'),
  GATEWAY_ADMIN_PORT: port.default(9102),
  GATEWAY_RING_BYTES: bytes(MEBIBYTE, 16 * 1024 * MEBIBYTE).default(64 * MEBIBYTE),
  GATEWAY_HISTORY_BYTES: bytes(MEBIBYTE, 16 * 1024 * MEBIBYTE).default(32 * MEBIBYTE),
  GATEWAY_MAX_WATCHERS: z.coerce.number().int().min(1).max(1_000_000).default(10_000),
  GATEWAY_MAX_WATCH_AGE_MS: milliseconds(1_000, 7 * 24 * 3_600_000).default(3_600_000),
  GATEWAY_STOP_DEADLINE_MS: milliseconds(1_000, 120_000).default(10_000),
});

export type GatewayConfig = z.output<typeof schema>;

/** The gateway's settings. Throws a ConfigError that names all faults. */
export function gatewayConfig(env: Record<string, string | undefined> = process.env): {
  config: GatewayConfig;
  source: ConfigSource<typeof schema.shape>;
} {
  const source: ConfigSource<typeof schema.shape> = {
    schema,
    env,
    prefix: 'GATEWAY_',
    secrets: KAFKA_SECRETS,
    refine: faultsAcrossSettings,
  };
  return { config: readConfig(source), source };
}

function faultsAcrossSettings(config: GatewayConfig): string[] {
  const faults = kafkaFaults(config);
  if (config.KAFKA_BROKERS.length === 0) faults.push('KAFKA_BROKERS: must name the brokers to read from');
  return faults;
}
