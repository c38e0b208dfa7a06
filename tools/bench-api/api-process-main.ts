import { randomBytes } from 'node:crypto';
import { createAccess } from '@order-events/access';
import { createLogger, createMetricsRegistry, createTracing } from '@order-events/runtime';
import { SignJWT } from 'jose';
import { createApiMetrics } from '../../apps/api/src/api-metrics.ts';
import { apiConfig } from '../../apps/api/src/config.ts';
import type { HttpServerOptions } from '../../apps/api/src/http/http-server.ts';
import { startOrderApiServer } from '../bench/order-api-server.ts';
import { createOrderServices } from '../bench-relay/order-services.ts';
import type { DoorUrls } from './api-doors.ts';

/** The API's HTTP server several times in one process, on one pool, with its default settings. */
const [, , databaseUrl = '', spansUrl] = process.argv;
const ISSUER = 'https://issuer.bench';
const AUDIENCE = 'order-events';
const SECRET_BYTES = 32;

const secret = randomBytes(SECRET_BYTES).toString('hex');
const { config } = apiConfig({
  ACCESS_CONTROL: 'jwt',
  ACCESS_ISSUER: ISSUER,
  ACCESS_AUDIENCE: AUDIENCE,
  ACCESS_SECRET: secret,
  API_PAGE_TOKEN_SECRET: secret,
  OTEL_EXPORTER_OTLP_ENDPOINT: spansUrl,
});
const log = createLogger({ service: 'api', level: config.LOG_LEVEL });
const metrics = createApiMetrics(createMetricsRegistry('bench-api', '0'));
const { signal } = new AbortController();
const stopDeadlineMs = config.API_STOP_DEADLINE_MS;
const spans = createTracing({ settings: config, service: 'api', version: '0', stopDeadlineMs, log });
await spans?.start(signal);
const tracing = spans?.tracing;
const { services } = await createOrderServices({
  databaseUrl,
  maxConnections: config.API_DATABASE_POOL_SIZE,
  metrics,
  tracing,
  log,
  signal,
});

const serve = (way: Pick<HttpServerOptions, 'service' | 'access' | 'tracing'>) =>
  startOrderApiServer(config, { ...way, metrics, log });

const token = await new SignJWT({ scope: 'orders:read orders:write' })
  .setProtectedHeader({ alg: 'HS256' })
  .setIssuer(ISSUER)
  .setAudience(AUDIENCE)
  .setSubject('bench')
  .setExpirationTime('1 day')
  .sign(new TextEncoder().encode(secret));
const access = createAccess(config, log);

process.once('disconnect', () => process.exit());
process.send?.({
  urls: {
    open: await serve({ service: services.with }),
    'without-outbox': await serve({ service: services.without }),
    guarded: await serve({ service: services.with, access }),
    traced: await serve({ service: services.traced, tracing }),
  },
  authorization: `Bearer ${token}`,
} satisfies DoorUrls);
