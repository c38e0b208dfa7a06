import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { withClient, type BenchServers } from './bench-servers.ts';

const SETTINGS = ['fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size'];

/** What the figures were measured on. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGb: number;
  readonly node: string;
  readonly postgres: string;
  readonly kafka: string;
  readonly postgresSettings: Readonly<Record<string, string>>;
}

export async function describeMachine(servers: BenchServers): Promise<Machine> {
  const { rows } = await withClient(servers.postgresUrl, (client) =>
    client.query<{ name: string; setting: string }>(
      'SELECT name, current_setting(name) AS setting FROM pg_settings WHERE name = ANY($1)',
      [['server_version', ...SETTINGS]],
    ),
  );
  const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  const { server_version: postgres = '', ...postgresSettings } = settings;
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    node: process.versions.node,
    postgres,
    kafka: servers.kafka.version,
    postgresSettings,
  };
}

/** Processes that wanted a core, on average over the last minute. */
export function machineLoad(): number {
  return loadavg()[0] ?? Number.NaN;
}

export function machineText(machine: Machine): string {
  const settings = Object.entries(machine.postgresSettings).map(([name, value]) => `${name}=${value}`);
  return [
    `${machine.cores} cores (${machine.processor}), ${machine.memoryGb} GB`,
    `Node ${machine.node}, PostgreSQL ${machine.postgres} (${settings.join(', ')}), Kafka ${machine.kafka} (one broker)`,
    'Postgres, Kafka, relay, load and measurement share the cores; "others" is whatever else ran on the machine.',
  ].join('\n');
}
