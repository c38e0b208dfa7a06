import { migrateToLatest } from '@order-events/database';
import { ensureHeldTopic, ensureTopic } from '@order-events/messaging';
import { startAppProcess, type AppName, type AppProcess, type LogLine } from './app-process.ts';
import { startEmbeddedKafka, type EmbeddedKafka } from './embedded-kafka.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.ts';
import { startStackAccess, type StackAccess } from './stack-access.ts';

export const ORDER_TOPIC = 'orders.events';
const TOPIC_DEADLINE_MS = 60_000;

/** The whole product on this machine: PostgreSQL, Kafka and the three apps, each a process of its own. */
export interface OrderSystem {
  readonly postgres: EmbeddedPostgres;
  readonly kafka: EmbeddedKafka;
  readonly api: AppProcess;
  readonly gateway: AppProcess;
  /** Gives a token where access control is on (`ACCESS_CONTROL=jwt` in the environment). */
  readonly token: StackAccess['token'] | undefined;
  /** The relay that runs now. */
  relay(): AppProcess;
  /** kill -9, and a new one in its place. */
  replaceRelay(): Promise<void>;
  /** Asks every app to end, waits, then ends the servers. */
  stop(): Promise<void>;
}

export interface OrderSystemOptions {
  /** Settings of the apps beyond where the servers are, for example ports. */
  readonly env?: Readonly<Record<string, string>>;
  readonly postgresPort?: number;
  readonly kafkaPort?: number;
  readonly onStep?: (step: string) => void;
  readonly onLogLine?: (app: AppName, line: LogLine) => void;
}

/** Starts everything in the order in which a newcomer would; what was started is stopped again when something fails. */
export async function startOrderSystem(options: OrderSystemOptions = {}): Promise<OrderSystem> {
  const step = options.onStep ?? (() => {});
  const cleanUps: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  };
  try {
    step('PostgreSQL 18 and Kafka 4.3.1');
    const starting = [
      startEmbeddedPostgres(options.postgresPort ? { port: options.postgresPort } : {}).then((server) => {
        cleanUps.push(() => server.stop());
        return server;
      }),
      startEmbeddedKafka(options.kafkaPort ? { port: options.kafkaPort } : {}).then((server) => {
        cleanUps.push(() => server.stop());
        return server;
      }),
    ] as const;
    // Both must have ended their start before anything is cleaned up.
    await Promise.allSettled(starting);
    const [postgres, kafka] = [await starting[0], await starting[1]];

    step('database schema and topic');
    await migrateToLatest(postgres.url);
    const connection = { brokers: kafka.brokers, clientId: 'order-system' };
    const topic = { topic: ORDER_TOPIC, partitions: 12, replicationFactor: 1 };
    await ensureTopic(connection, topic);
    await ensureHeldTopic(connection, topic, AbortSignal.timeout(TOPIC_DEADLINE_MS));

    const access = await startStackAccess();
    cleanUps.push(async () => access?.stop());
    step(`API, relay and stream gateway${access ? ', with access control' : ''}`);
    const run = async (name: AppName, env: Record<string, string>) => {
      const app = await startAppProcess(name, { ...env, ...access?.env, ...options.env }, (line) =>
        options.onLogLine?.(name, line),
      );
      cleanUps.push(async () => {
        app.kill('SIGTERM');
        await app.exited;
      });
      return app;
    };
    const database = { DATABASE_URL: postgres.url };
    const brokers = { KAFKA_BROKERS: kafka.brokers.join(','), KAFKA_TOPIC: ORDER_TOPIC };
    // The API is not told where Kafka is.
    const api = await run('api', database);
    let relay = await run('relay', { ...database, ...brokers });
    const gateway = await run('stream-gateway', { ...brokers, GATEWAY_WEB_PORT: '0' });
    return {
      postgres,
      kafka,
      api,
      gateway,
      token: access?.token,
      relay: () => relay,
      async replaceRelay() {
        relay.kill('SIGKILL');
        await relay.exited;
        relay = await run('relay', { ...database, ...brokers });
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
