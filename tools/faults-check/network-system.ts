import { mkdtemp, rm, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateToLatest } from '@order-events/database';
import { ensureHeldTopic, ensureTopic } from '@order-events/messaging';
import {
  type AppName,
  type AppProcess,
  startAppProcess,
  startEmbeddedKafka,
  startEmbeddedPostgres,
} from '../stack/index.ts';
import { startSwitchedNetwork, type SwitchedNetwork } from './switched-network.ts';
import { PARTITIONS, TOPIC } from './topic.ts';

/** Everybody has an address of their own, so that every pair can be told apart. */
export const ADDRESSES = {
  postgres: '10.77.0.1',
  kafka: '10.77.0.2',
  client: '10.77.0.3',
  api: '10.77.1.1',
  'relay-1': '10.77.1.2',
  'relay-2': '10.77.1.3',
  'gateway-1': '10.77.1.4',
  'gateway-2': '10.77.1.5',
} as const;

export type Host = keyof typeof ADDRESSES;

/** The product, each process in a network namespace of its own; servers and clients are with this process. */
export interface NetworkSystem {
  readonly network: SwitchedNetwork;
  /** Past the network: for whoever judges. */
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  readonly apiUrl: string;
  readonly gateways: readonly string[];
  /** Throws when a process has ended. */
  assertAlive(): void;
  stop(): Promise<void>;
}

const KAFKA_PORTS = { here: 9092, controller: 9093, network: 9094 };
const POSTGRES_PORT = 5432;

export async function startNetworkSystem(): Promise<NetworkSystem> {
  const cleanUps: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  };
  try {
    const { postgres: database, kafka: broker, client, ...hosts } = ADDRESSES;
    const network = await startSwitchedNetwork([database, broker, client], hosts);
    cleanUps.push(() => network.stop());
    const { databaseUrl, brokers } = await startServers(cleanUps);
    const ended: string[] = [];
    const start = async (name: AppName, host: Host, env: Record<string, string>) => {
      const app = await startAppProcess(name, env, undefined, { through: network.inside(host) });
      const watched = app.exited.then(({ code, signal }) => void ended.push(`${host}: ${code ?? signal}`));
      cleanUps.push(async () => {
        app.kill('SIGTERM');
        await watched;
      });
      return app;
    };
    const apps = await startApps(start);
    return {
      ...{ network, databaseUrl, brokers, stop },
      apiUrl: apps.api.urls.http,
      gateways: apps.gateways.map(({ urls }) => urls.grpc),
      assertAlive() {
        if (ended.length > 0) throw new Error(`ended by themselves: ${ended.join(', ')}`);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startServers(
  cleanUps: (() => Promise<unknown>)[],
): Promise<{ databaseUrl: string; brokers: readonly string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'faults-check-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const hbaFile = join(folder, 'pg_hba.conf');
  await writeFile(hbaFile, 'host all all 127.0.0.1/32 trust\nhost all all 10.77.0.0/16 trust\n');
  const postgres = await startEmbeddedPostgres({
    port: POSTGRES_PORT,
    settings: { listen_addresses: `127.0.0.1,${ADDRESSES.postgres}`, hba_file: hbaFile },
  });
  cleanUps.push(() => postgres.stop());
  const kafka = await startEmbeddedKafka({
    port: KAFKA_PORTS.here,
    settings: {
      listeners: [
        `PLAINTEXT://127.0.0.1:${KAFKA_PORTS.here}`,
        `CONTROLLER://127.0.0.1:${KAFKA_PORTS.controller}`,
        `NETWORK://${ADDRESSES.kafka}:${KAFKA_PORTS.network}`,
      ].join(),
      'controller.quorum.voters': `1@127.0.0.1:${KAFKA_PORTS.controller}`,
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,NETWORK:PLAINTEXT',
    },
  });
  cleanUps.push(() => kafka.stop());
  await migrateToLatest(postgres.url);
  const connection = { brokers: kafka.brokers, clientId: 'faults-check' };
  const topic = { topic: TOPIC, partitions: PARTITIONS, replicationFactor: 1 };
  await ensureTopic(connection, topic);
  await ensureHeldTopic(connection, topic, AbortSignal.timeout(60_000));
  return { databaseUrl: postgres.url, brokers: kafka.brokers };
}

async function startApps(
  start: (name: AppName, host: Host, env: Record<string, string>) => Promise<AppProcess>,
): Promise<{ api: AppProcess; gateways: readonly AppProcess[] }> {
  const database = { DATABASE_URL: `postgresql://postgres@${ADDRESSES.postgres}:${POSTGRES_PORT}/postgres` };
  const kafka = { KAFKA_BROKERS: `${ADDRESSES.kafka}:${KAFKA_PORTS.network}`, KAFKA_TOPIC: TOPIC };
  const api = await start('api', 'api', { ...database, API_HOST: ADDRESSES.api });
  await Promise.all([
    start('relay', 'relay-1', { ...database, ...kafka }),
    start('relay', 'relay-2', { ...database, ...kafka }),
  ]);
  const gateways = await Promise.all(
    (['gateway-1', 'gateway-2'] as const).map((host) =>
      start('stream-gateway', host, { ...kafka, GATEWAY_HOST: ADDRESSES[host] }),
    ),
  );
  return { api, gateways };
}
