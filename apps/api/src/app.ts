import { createDatabase, createPool, createWakeUpNotifier, isSchemaCurrent } from '@order-events/database';
import { createAdminServer, createMetricsRegistry, type Logger, type Part } from '@order-events/runtime';
import packageJson from '../package.json' with { type: 'json' };
import { createApiMetrics } from './api-metrics.ts';
import type { ApiConfig } from './config.ts';
import { createHttpServer } from './http/http-server.ts';
import { createOrderService } from './orders/order-service.ts';
import { createOrderStore } from './orders/order-store.ts';
import { createOutboxWriter } from './orders/outbox-writer.ts';

/** Puts the API together, in the order in which its parts start. */
export function createApiApp(config: ApiConfig, log: Logger): Part[] {
  const registry = createMetricsRegistry('api', packageJson.version);
  const metrics = createApiMetrics(registry);
  const pool = createPool({
    url: config.DATABASE_URL,
    applicationName: 'api',
    maxConnections: config.API_DATABASE_POOL_SIZE,
    onConnectionError: (error) => log.warn({ err: error }, 'lost a database connection'),
  });
  const database: Part = { name: 'database', start: async () => {}, stop: () => pool.end() };
  const wakeUps = createWakeUpNotifier({ url: config.DATABASE_URL, log });
  const service = createOrderService({
    database: createDatabase(pool),
    orders: createOrderStore(),
    outbox: createOutboxWriter(metrics),
    wakeRelay: () => wakeUps.notify(),
    clock: () => new Date(),
    log,
  });
  const http = createHttpServer({ host: config.API_HOST, port: config.API_PORT, service, metrics, log });
  const admin = createAdminServer({
    host: config.API_ADMIN_HOST,
    port: config.API_ADMIN_PORT,
    checks: [{ name: 'database schema', check: () => isSchemaCurrent(pool) }],
    registry,
    log,
  });
  return [admin, database, wakeUps, http];
}
