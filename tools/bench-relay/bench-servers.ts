import { migrateToLatest } from '@order-events/database';
import { ensureTopic } from '@order-events/messaging';
import pg from 'pg';
import { startEmbeddedKafka, startEmbeddedPostgres, type EmbeddedKafka } from '../stack/index.ts';

export const PARTITION_COUNT = 12;

/** Durable as it comes: only the sizes differ from what an installation has, so that no checkpoint falls into a short run. */
const POSTGRES_SETTINGS = { shared_buffers: '256MB', max_wal_size: '4GB', max_connections: '600' };

export interface BenchServers {
  readonly postgresUrl: string;
  readonly postgresPid: number;
  readonly kafka: EmbeddedKafka;
  readonly kafkaPid: number;
  /** A migrated database, or a copy of one that nobody is connected to. */
  createDatabase(name: string, copyOf?: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  createTopic(topic: string): Promise<void>;
  stop(): Promise<void>;
}

/** Real servers for the benchmark alone; they end with this process at the latest. */
export async function startBenchServers(
  postgresSettings: Readonly<Record<string, string>> = {},
): Promise<BenchServers> {
  const settings = { ...POSTGRES_SETTINGS, ...postgresSettings };
  const starting = [startEmbeddedPostgres({ settings }), startEmbeddedKafka()] as const;
  const ended = await Promise.allSettled(starting);
  const failed = ended.find((result) => result.status === 'rejected');
  if (failed) {
    for (const result of ended) if (result.status === 'fulfilled') await result.value.stop();
    throw failed.reason;
  }
  const [postgres, kafka] = [await starting[0], await starting[1]];
  if (postgres.pid === undefined || kafka.pid === undefined) throw new Error('a server ended at once');
  const admin = (statement: string) => runStatement(postgres.url, statement);
  return {
    postgresUrl: postgres.url,
    postgresPid: postgres.pid,
    kafka,
    kafkaPid: kafka.pid,
    async createDatabase(name, copyOf) {
      const url = databaseUrl(postgres.url, name);
      if (copyOf) await admin(`CREATE DATABASE "${name}" TEMPLATE "${copyOf}" STRATEGY FILE_COPY`);
      else {
        await admin(`CREATE DATABASE "${name}"`);
        await migrateToLatest(url);
      }
      return url;
    },
    dropDatabase: (name) => admin(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`),
    createTopic: (topic) =>
      ensureTopic(
        { brokers: kafka.brokers, clientId: 'bench' },
        { topic, partitions: PARTITION_COUNT, replicationFactor: 1 },
      ),
    async stop() {
      await Promise.all([postgres.stop(), kafka.stop()]);
    },
  };
}

/** Connects, works, and closes the connection whatever happens. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  // Without a listener a connection that is cut would end the process; the query in flight tells.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function runStatement(url: string, statement: string): Promise<void> {
  await withClient(url, (client) => client.query(statement));
}

function databaseUrl(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}
