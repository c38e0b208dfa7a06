import { NOT_CRASH_SAFE, startEmbeddedKafka, startEmbeddedPostgres } from '../stack/index.ts';
import type { RunServers } from './run-servers.ts';
import type { ServerLines } from './server-lines.ts';

/** Servers from the npm packages and Kafka's jars; they end with this process at the latest. */
export async function startEmbeddedServers(lines: ServerLines): Promise<RunServers> {
  const [postgres, kafka] = await Promise.all([
    startEmbeddedPostgres({ line: lines.postgres, settings: NOT_CRASH_SAFE }),
    startEmbeddedKafka({ line: lines.kafka }),
  ]);
  return {
    postgresUrl: postgres.url,
    brokers: kafka.brokers,
    kafkaVersion: kafka.version,
    source: 'embedded',
    async stop() {
      await Promise.all([postgres.stop(), kafka.stop()]);
    },
  };
}
