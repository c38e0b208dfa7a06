import { randomBytes } from 'node:crypto';
import { migrateToLatest } from '@order-events/database';
import { ensureHeldTopic, ensureTopic } from '@order-events/messaging';
import { startTokenIssuer, type TokenIssuer } from '../../test/harness/token-issuer.ts';
import {
  type AppName,
  type AppProcess,
  startAppProcess,
  startEmbeddedKafka,
  startEmbeddedPostgres,
} from '../stack/index.ts';
import { createFakedClock, type FakedClock } from './faked-clock.ts';
import { PARTITIONS, TOPIC } from './topic.ts';

export interface ClockedApp {
  readonly clock: FakedClock;
  readonly app: AppProcess;
}

/** The product with access control, each process with a wall clock of its own. */
export interface ClockSystem {
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  readonly issuer: TokenIssuer;
  readonly api: ClockedApp;
  readonly relays: readonly ClockedApp[];
  readonly gateways: readonly ClockedApp[];
  stop(): Promise<void>;
}

/** No relay of a machine that is busy with other things loses its lease for that; a step of an hour is still far longer. */
const LEASE = { RELAY_LEASE_MS: '15000' };

export async function startClockSystem(): Promise<ClockSystem> {
  const cleanUps: (() => unknown)[] = [];
  const stop = async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  };
  try {
    const postgres = await startEmbeddedPostgres();
    cleanUps.push(() => postgres.stop());
    const kafka = await startEmbeddedKafka();
    cleanUps.push(() => kafka.stop());
    await migrateToLatest(postgres.url);
    const connection = { brokers: kafka.brokers, clientId: 'faults-check' };
    const topic = { topic: TOPIC, partitions: PARTITIONS, replicationFactor: 1 };
    await ensureTopic(connection, topic);
    await ensureHeldTopic(connection, topic, AbortSignal.timeout(60_000));
    const issuer = await startTokenIssuer({ after: (end) => void cleanUps.push(end as () => unknown) });
    const secret = () => randomBytes(32).toString('base64');
    const access = {
      ...issuer.settings,
      API_PAGE_TOKEN_SECRET: secret(),
      GATEWAY_TOKEN_SECRET: secret(),
    };
    const start = async (name: AppName, env: Record<string, string>): Promise<ClockedApp> => {
      const clock = await createFakedClock();
      cleanUps.push(() => clock.remove());
      const app = await startAppProcess(name, { ...env, ...access, ...clock.env });
      cleanUps.push(async () => {
        app.kill('SIGTERM');
        await app.exited;
      });
      return { clock, app };
    };
    const database = { DATABASE_URL: postgres.url };
    const brokers = { KAFKA_BROKERS: kafka.brokers.join(), KAFKA_TOPIC: TOPIC };
    const api = await start('api', database);
    const two = <T>(one: () => Promise<T>) => Promise.all([one(), one()]);
    const relays = await two(() => start('relay', { ...database, ...brokers, ...LEASE }));
    const gateways = await two(() => start('stream-gateway', brokers));
    return {
      ...{ databaseUrl: postgres.url, brokers: kafka.brokers, issuer, api, relays, gateways, stop },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
