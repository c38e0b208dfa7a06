import { DATABASE_SECRETS, databaseFaults, databaseSettings } from '@order-events/database';
import {
  KAFKA_SECRETS,
  kafkaFaults,
  kafkaSettings,
  LOG_LEVELS,
  readConfig,
  type ConfigSource,
} from '@order-events/runtime';
import { z } from 'zod';

const milliseconds = (from: number, to: number) => z.coerce.number().int().min(from).max(to);
const port = z.coerce.number().int().min(0).max(65535);

const schema = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
  ...databaseSettings,
  ...kafkaSettings,
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  RELAY_ADMIN_HOST: z.string().default('127.0.0.1'),
  RELAY_ADMIN_PORT: port.default(9101),
  RELAY_LEASE_MS: milliseconds(1000, 60_000).default(3000),
  RELAY_PRODUCE_TIMEOUT_MS: milliseconds(100, 30_000).default(1000),
  RELAY_IDLE_POLL_MS: milliseconds(2, 10_000).default(250),
  RELAY_OLD_TRANSACTION_MS: milliseconds(1000, 86_400_000).default(60_000),
  RELAY_CANARY_INTERVAL_MS: milliseconds(0, 60_000).default(0),
  /** How long published events stay in the outbox, to be published again on request; 7 days. */
  RELAY_REPLAY_WINDOW_MS: milliseconds(60_000, 366 * 86_400_000).default(7 * 86_400_000),
  RELAY_STOP_DEADLINE_MS: milliseconds(1000, 120_000).default(10_000),
});

export type RelayConfig = z.output<typeof schema>;

/** The relay's settings. Throws a ConfigError that names all faults. */
export function relayConfig(env: Record<string, string | undefined> = process.env): {
  config: RelayConfig;
  source: ConfigSource<typeof schema.shape>;
} {
  const source: ConfigSource<typeof schema.shape> = {
    schema,
    env,
    prefix: 'RELAY_',
    secrets: [...DATABASE_SECRETS, ...KAFKA_SECRETS],
    refine: faultsAcrossSettings,
  };
  return { config: readConfig(source), source };
}

function faultsAcrossSettings(config: RelayConfig): string[] {
  const faults = [...databaseFaults(config), ...kafkaFaults(config)];
  if (config.NODE_ENV === 'production' && config.KAFKA_BROKERS.length === 0) {
    faults.push('KAFKA_BROKERS: must name brokers in production; "none" holds all events for ever');
  }
  if (config.RELAY_PRODUCE_TIMEOUT_MS * 2 > config.RELAY_LEASE_MS) {
    faults.push(
      'RELAY_PRODUCE_TIMEOUT_MS: must be at most half of RELAY_LEASE_MS, so that a batch on its way ends before the lease does',
    );
  }
  return faults;
}
