import { createLogger, createMetricsRegistry } from '@order-events/runtime';
import { createApiMetrics } from '../../apps/api/src/api-metrics.ts';
import { apiConfig } from '../../apps/api/src/config.ts';
import { createHttpServer } from '../../apps/api/src/http/http-server.ts';
import { findFreePort } from '../stack/index.ts';
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

async function serve(way: Way): Promise<string> {
  const [host, port] = [config.API_HOST, await findFreePort()];
  const service = services[way];
  const limits = {
    keepAliveMs: 75_000,
    drainMs: 0,
    drainDelayMs: 0,
    maxRequests: 10_000,
    maxConnections: 10_000,
    headersTimeoutMs: 15_000,
    requestTimeoutMs: 30_000,
    docs: false,
  };
  await createHttpServer({ host, port, ...limits, service, metrics, log }).start(signal);
  return `http://${host}:${port}/orders`;
}

process.once('disconnect', () => process.exit());
process.send?.({ with: await serve('with'), without: await serve('without') } satisfies OrderApiUrls);
