import { type Machine, machineText, thisMachine } from '../bench/machine.ts';
import { withClient, type BenchServers } from './bench-servers.ts';

const SETTINGS = ['fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size'];

export interface RelayMachine extends Machine {
  readonly postgres: string;
  readonly kafka: string;
  readonly postgresSettings: Readonly<Record<string, string>>;
}

export async function describeRelayMachine(
  servers: BenchServers,
): Promise<{ machine: RelayMachine; text: string }> {
  const { rows } = await withClient(servers.postgresUrl, (client) =>
    client.query<{ name: string; setting: string }>(
      'SELECT name, current_setting(name) AS setting FROM pg_settings WHERE name = ANY($1)',
      [['server_version', ...SETTINGS]],
    ),
  );
  const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  const { server_version: postgres = '', ...postgresSettings } = settings;
  const machine = { ...thisMachine(), postgres, kafka: servers.kafka.version, postgresSettings };
  const shownSettings = Object.entries(postgresSettings).map(([name, value]) => `${name}=${value}`);
  const text = [
    machineText(machine),
    `Node ${machine.node}, PostgreSQL ${postgres} (${shownSettings.join(', ')}), Kafka ${machine.kafka} (one broker)`,
    'Postgres, Kafka, relay, load and measurement share the cores; "others" is whatever else ran on the machine.',
  ].join('\n');
  return { machine, text };
}
