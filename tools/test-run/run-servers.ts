import pg from 'pg';
import { startContainers } from './container-servers.ts';
import { startEmbeddedServers } from './embedded-servers.ts';

export const SERVER_SOURCES = ['containers', 'embedded'] as const;
export type ServerSource = (typeof SERVER_SOURCES)[number];

/** One PostgreSQL and one Kafka for a whole test run. */
export interface RunServers {
  /** Superuser's URL. */
  readonly postgresUrl: string;
  readonly brokers: readonly string[];
  readonly kafkaVersion: string;
  readonly source: ServerSource;
  stop(): Promise<void>;
}

/** Starts the servers of the given source; without one, containers where an engine can give them, else embedded ones. */
export async function startRunServers(source?: ServerSource): Promise<RunServers> {
  if (source === 'embedded') return startEmbeddedServers();
  try {
    return await startContainers();
  } catch (error: unknown) {
    if (source === 'containers') throw error;
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    console.log(`No containers (${reason}): starting embedded servers`);
    return startEmbeddedServers();
  }
}

/** One line for people: which servers, asked from the servers. */
export async function describeServers(servers: RunServers): Promise<string> {
  const client = new pg.Client({ connectionString: servers.postgresUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return `PostgreSQL ${rows[0]?.server_version} and Apache Kafka ${servers.kafkaVersion} (${servers.source})`;
  } finally {
    await client.end();
  }
}
