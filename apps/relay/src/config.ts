import { ACCESS_SECRETS, accessFaults, accessSettings } from '@order-events/access';
import { DATABASE_SECRETS, databaseFaults, databaseSettings } from '@order-events/database';
import {
  KAFKA_SECRETS,
  kafkaFaults,
  kafkaSettings,
  listenHost,
  listenPort,
  LOG_LEVELS,
  readConfig,
  type ConfigSource,
  TRACING_SECRETS,
  tracingSettings,
} from '@order-events/runtime';
import { z } from 'zod';

const milliseconds = (from: number, to: number) => z.coerce.number().int().min(from).max(to);

export const relaySettings = z.object({
  NODE_ENV: z
    .enum(['development', 'production', 'test'])
    .default('development')
    .describe('`production` refuses the defaults that are meant for development.'),
  ...databaseSettings,
  ...kafkaSettings,
  ...accessSettings,
  ...tracingSettings,
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info').describe('Least level that is logged.'),
  RELAY_ADMIN_HOST: listenHost
    .default('127.0.0.1')
    .describe('Where probes, metrics and the status page listen.'),
  RELAY_ADMIN_PORT: listenPort.default(9101).describe('0 takes any free port.'),
  RELAY_LEASE_MS: milliseconds(1000, 60_000)
    .default(3000)
    .describe('How long a relay that vanished keeps its partitions.'),
  RELAY_PRODUCE_TIMEOUT_MS: milliseconds(100, 30_000)
    .default(1000)
    .describe(
      'How long a broker may be silent during an attempt to publish, large requests get 1 s more for each 256 kB; at most half of RELAY_LEASE_MS.',
    ),
  RELAY_CUT_OFF_MS: milliseconds(5000, 3_600_000)
    .default(15_000)
    .describe(
      'A relay that does not reach Kafka for this long gives its partitions to relays that do; at least twice RELAY_LEASE_MS is waited.',
    ),
  RELAY_IDLE_POLL_MS: milliseconds(2, 10_000)
    .default(250)
    .describe('How often the outbox is read when no notification arrives: a lost one costs this time.'),
  RELAY_OLD_TRANSACTION_MS: milliseconds(1000, 86_400_000)
    .default(60_000)
    .describe('A transaction that holds events up for longer is warned of.'),
  RELAY_CANARY_INTERVAL_MS: milliseconds(0, 60_000)
    .default(0)
    .describe('How often a canary goes through the whole path to be measured; 0 sends none.'),
  RELAY_REPLAY_WINDOW_MS: milliseconds(60_000, 366 * 86_400_000)
    .default(7 * 86_400_000)
    .describe('How long published events stay in the outbox, to be published again on request; 7 days.'),
  RELAY_STOP_DEADLINE_MS: milliseconds(1000, 120_000)
    .default(10_000)
    .describe('After SIGTERM, the process ends within this time.'),
});

export type RelayConfig = z.output<typeof relaySettings>;

/** The relay's settings. Throws a ConfigError that names all faults. */
export function relayConfig(env: Record<string, string | undefined> = process.env): {
  config: RelayConfig;
  source: ConfigSource<typeof relaySettings.shape>;
} {
  const source: ConfigSource<typeof relaySettings.shape> = {
    schema: relaySettings,
    env,
    prefix: 'RELAY_',
    secrets: [...DATABASE_SECRETS, ...KAFKA_SECRETS, ...ACCESS_SECRETS, ...TRACING_SECRETS],
    refine: faultsAcrossSettings,
  };
  return { config: readConfig(source), source };
}

function faultsAcrossSettings(config: RelayConfig): string[] {
  const faults = [...databaseFaults(config), ...kafkaFaults(config), ...accessFaults(config)];
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
