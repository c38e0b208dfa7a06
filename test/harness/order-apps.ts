import type { TestContext } from 'node:test';
import type { AppProcess } from '../../tools/stack/index.ts';
import { startApp } from './app-process.ts';

export interface OrderAppsOptions {
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Settings on top, for all apps. */
  readonly env?: Readonly<Record<string, string>>;
  /** Settings on top, for one app. */
  readonly envOf?: Readonly<
    Partial<Record<'api' | 'relay' | 'stream-gateway', Readonly<Record<string, string>>>>
  >;
}

export interface OrderApps {
  readonly api: AppProcess;
  readonly relay: AppProcess;
  readonly gateway: AppProcess;
}

/** On a machine that is busy with other tests a request may wait for a turn for seconds; nobody is to be refused for that. */
export const PATIENT_API = { API_DATABASE_WAIT_MS: '20000' };

/** What each app is told; the API is not told where Kafka is. */
export function appEnv(
  options: OrderAppsOptions,
): Record<'api' | 'relay' | 'stream-gateway', Record<string, string>> {
  const database = { DATABASE_URL: options.databaseUrl, ...options.env };
  const kafka = { KAFKA_BROKERS: options.brokers.join(','), KAFKA_TOPIC: options.topic, ...options.env };
  const { envOf } = options;
  return {
    api: { ...PATIENT_API, ...database, ...envOf?.api },
    relay: { ...database, ...kafka, ...envOf?.relay },
    'stream-gateway': { ...kafka, ...envOf?.['stream-gateway'] },
  };
}

/** The three apps as processes of their own. */
export async function startOrderApps(t: TestContext, options: OrderAppsOptions): Promise<OrderApps> {
  const env = appEnv(options);
  const starting = [
    startApp(t, 'api', env.api),
    startApp(t, 'relay', env.relay),
    startApp(t, 'stream-gateway', env['stream-gateway']),
  ] as const;
  // Those that start although another fails must be known to the test before it ends, or nobody would end them.
  await Promise.allSettled(starting);
  const [api, relay, gateway] = await Promise.all(starting);
  return { api, relay, gateway };
}
