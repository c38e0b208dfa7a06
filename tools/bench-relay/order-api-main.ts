import { createLogger, createMetricsRegistry } from '@order-events/runtime';
import { createApiMetrics } from '../../apps/api/src/api-metrics.ts';
import { apiConfig } from '../../apps/api/src/config.ts';
import { startOrderApiServer } from '../bench/order-api-server.ts';
import type { OrderApiUrls } from './order-api.ts';
import { createOrderServices, type Way } from './order-services.ts';

/** The API's HTTP server twice in one process, with its default settings: one takes orders with the outbox, the other without. */
const databaseUrl = process.argv[2] ?? '';
const { config } = apiConfig({});
const log = createLogger({ service: 'api', level: config.LOG_LEVEL });
const metrics = createApiMetrics(createMetricsRegistry('bench-api', '0'));
const { signal } = new AbortController();
const { services } = await createOrderServices({
  databaseUrl,
  maxConnections: config.API_DATABASE_POOL_SIZE,
  metrics,
  log,
  signal,
});

const serve = async (way: Way) =>
  `${await startOrderApiServer(config, { service: services[way], metrics, log })}/orders`;

process.once('disconnect', () => process.exit());
process.send?.({ with: await serve('with'), without: await serve('without') } satisfies OrderApiUrls);
