import { PostgreSqlContainer, type StartedPostgreSqlContainer } from '@testcontainers/postgresql';
import { GenericContainer, Wait, type StartedTestContainer } from 'testcontainers';
import {
  findFreePort,
  KAFKA_VERSIONS,
  kafkaVersion,
  NOT_CRASH_SAFE,
  SINGLE_BROKER_SETTINGS,
} from '../stack/index.ts';
import type { RunServers } from './run-servers.ts';
import type { ServerLines } from './server-lines.ts';

/** Servers from container images. Throws when there is no container engine, or when it cannot give the images. */
export async function startContainers(lines: ServerLines): Promise<RunServers> {
  const [postgres, kafka] = await Promise.allSettled([
    startPostgresContainer(`postgres:${lines.postgres}`),
    startKafkaContainer(`apache/kafka:${KAFKA_VERSIONS[lines.kafka]}`),
  ]);
  if (postgres.status === 'rejected' || kafka.status === 'rejected') {
    const started = [postgres, kafka].flatMap((result) =>
      result.status === 'fulfilled' ? [result.value] : [],
    );
    await Promise.all(started.map(({ container }) => container.stop()));
    throw [postgres, kafka].flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))[0];
  }
  return {
    postgresUrl: postgres.value.url,
    brokers: kafka.value.brokers,
    kafkaVersion: kafka.value.version,
    source: 'containers',
    async stop() {
      await Promise.all([postgres.value.container.stop(), kafka.value.container.stop()]);
    },
  };
}

async function startPostgresContainer(
  image: string,
): Promise<{ container: StartedPostgreSqlContainer; url: string }> {
  const settings = { max_connections: '200', max_prepared_transactions: '20', ...NOT_CRASH_SAFE };
  const container = await new PostgreSqlContainer(image)
    .withCommand([
      'postgres',
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ])
    .start();
  return { container, url: container.getConnectionUri() };
}

async function startKafkaContainer(image: string): Promise<{
  container: StartedTestContainer;
  brokers: string[];
  version: string;
}> {
  // Chosen before the start, because the broker must tell its clients the address at which they reach it.
  const port = await findFreePort();
  const settings = {
    ...SINGLE_BROKER_SETTINGS,
    listeners: 'PLAINTEXT://:9092,INTERNAL://:9094,CONTROLLER://:9093',
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},INTERNAL://localhost:9094`,
    // The broker writes transaction markers through a connection to itself, which cannot use the port outside of the container.
    'inter.broker.listener.name': 'INTERNAL',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT',
    'controller.quorum.voters': '1@localhost:9093',
  };
  const environment = Object.entries(settings).map(([name, value]) => [
    `KAFKA_${name.toUpperCase().replaceAll('.', '_')}`,
    value,
  ]);
  const container = await new GenericContainer(image)
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment({ ...Object.fromEntries(environment), KAFKA_HEAP_OPTS: '-Xmx384m' })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .start();
  const { output } = await container.exec(['ls', '/opt/kafka/libs']);
  return { container, brokers: [`127.0.0.1:${port}`], version: kafkaVersion(output.split(/\s+/)) };
}
