import pg from 'pg';

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
