import {
  API_RIGHTS,
  createDatabase,
  createPool,
  createPoolPart,
  createWakeUpNotifier,
  databaseAccess,
  isDatabaseAway,
  isSchemaCurrent,
  missingRights,
  requireSchema,
  unansweredIn,
  type WakeUpNotifier,
} from '@order-events/database';
import {
  certificateFilesOf,
  createAdminServer,
  createCertificateMetrics,
  createMetricsRegistry,
  createOpeningPart,
  createTracing,
  createWatchedCertificate,
  type Logger,
  type Part,
  type Tracing,
  type TracingPart,
  type WatchedCertificate,
} from '@order-events/runtime';
import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import packageJson from '../package.json' with { type: 'json' };
import { type ApiMetrics, createApiMetrics } from './api-metrics.ts';
import { createApiAccess } from './compose-access.ts';
import { type ApiConfig, apiTls, servesDocs } from './config.ts';
import { createHttpServer } from './http/http-server.ts';
import { boundOrderService } from './orders/bounded-order-service.ts';
import { createIdempotencyStore } from './orders/idempotency-store.ts';
import { createOrderService, type OrderService } from './orders/order-service.ts';
import { createOrderStore } from './orders/order-store.ts';
import { createOutboxWriter } from './orders/outbox-writer.ts';

/** Of the time there is to stop, what requests get to end; the rest is for what they used. */
const DRAIN_SHARE = 0.7;

/** Puts the API together, in the order in which its parts start. `settings` are those that operators may see. */
export function createApiApp(
  config: ApiConfig,
  log: Logger,
  settings: Readonly<Record<string, string>> = {},
): Part[] {
  const registry = createMetricsRegistry('api', packageJson.version);
  const metrics = createApiMetrics(registry);
  const spans = createSpans(config, registry, log);
  const tracing = spans?.tracing;
  const access = databaseAccess(config);
  for (const warning of access.warnings) log.warn(warning);
  const poolOf = (applicationName: string, maxConnections: number) =>
    createPool({
      ...access,
      applicationName,
      maxConnections,
      onConnectionError: (error) => log.warn({ reason: error }, 'lost a database connection'),
    });
  const pool = poolOf('api', config.API_DATABASE_POOL_SIZE);
  // Readiness does not wait for requests: an API with much to do is not one that is down.
  const readiness = poolOf('api readiness', 1);
  const wakeUps = createWakeUpNotifier({ url: access.directUrl, log });
  const certificate = createCertificate(config, registry, log);
  const who = createApiAccess(config, metrics, log);
  const http = createHttpServer({
    host: config.API_HOST,
    port: config.API_PORT,
    keepAliveMs: config.API_KEEP_ALIVE_MS,
    headersTimeoutMs: config.API_HEADERS_TIMEOUT_MS,
    requestTimeoutMs: config.API_REQUEST_TIMEOUT_MS,
    maxConnections: config.API_MAX_CONNECTIONS,
    drainDelayMs: config.API_DRAIN_DELAY_MS,
    drainMs: config.API_STOP_DEADLINE_MS * DRAIN_SHARE - config.API_DRAIN_DELAY_MS,
    docs: servesDocs(config),
    maxRequests: config.API_MAX_REQUESTS,
    service: orderServiceOf(config, {
      throughPooler: access.throughPooler,
      ...{ pool, wakeUps, tracing, metrics, log },
    }),
    ...who.http,
    ...{ certificate, tracing, metrics, log },
  });
  const admin = createAdminServer({
    host: config.API_ADMIN_HOST,
    port: config.API_ADMIN_PORT,
    // A database that takes no changes is still read, so it does not make the API unready.
    checks: [
      { name: 'database schema', check: () => isSchemaCurrent(readiness) },
      { name: 'database rights', check: rightsOnceComplete(readiness) },
    ],
    ...{ refuse: who.refuse, registry, settings, log },
  });
  const reading = createPoolPart('readiness', readiness);
  const parts = [spans, admin, certificate, ...who.parts, reading, databasePart(pool, log), wakeUps, http];
  return parts.filter((part) => part !== undefined);
}

function createSpans(config: ApiConfig, registry: Registry, log: Logger): TracingPart | undefined {
  return createTracing({
    ...{ settings: config, service: 'api', version: packageJson.version, registry, log },
    stopDeadlineMs: config.API_STOP_DEADLINE_MS,
  });
}

function createCertificate(
  config: ApiConfig,
  registry: Registry,
  log: Logger,
): WatchedCertificate | undefined {
  const metrics = createCertificateMetrics(registry);
  const files = certificateFilesOf(apiTls(config));
  return files && createWatchedCertificate({ files, checkMs: config.API_TLS_CHECK_MS, metrics, log });
}

interface OrderServiceNeeds {
  readonly pool: Pool;
  readonly throughPooler: boolean;
  readonly wakeUps: WakeUpNotifier;
  readonly tracing: Tracing | undefined;
  readonly metrics: ApiMetrics;
  readonly log: Logger;
}

function orderServiceOf(config: ApiConfig, needs: OrderServiceNeeds): OrderService {
  const { pool, throughPooler, wakeUps, tracing, metrics, log } = needs;
  const service = createOrderService({
    database: createDatabase(pool, { ownSessions: !throughPooler }),
    orders: createOrderStore(),
    outbox: createOutboxWriter(tracing),
    idempotency: createIdempotencyStore(),
    wakeRelay: () => wakeUps.notify(),
    metrics,
    log,
  });
  return boundOrderService(service, {
    connections: config.API_DATABASE_POOL_SIZE,
    unanswered: () => unansweredIn(pool),
    maxWaitingChanges: Math.ceil(config.API_MAX_REQUESTS / 2),
    maxReads: config.API_MAX_REQUESTS,
    maxOrderWriters: config.API_MAX_ORDER_WRITERS,
    maxWaitMs: config.API_DATABASE_WAIT_MS,
  });
}

/** A role that lacks rights is a mistake of the roll-out, which this stops; what is taken away later leaves the rest to be served. */
function rightsOnceComplete(pool: Pool): () => Promise<boolean> {
  let complete = false;
  return async () => (complete ||= (await missingRights(pool, API_RIGHTS)) === undefined);
}

/** A schema that is too old ends the start; a database that is away does not, it may come back any moment. */
function databasePart(pool: Pool, log: Logger): Part {
  const connections = createPoolPart('database', pool);
  return createOpeningPart('database', async () => {
    try {
      await requireSchema(pool);
      const missing = await missingRights(pool, API_RIGHTS);
      if (missing !== undefined) log.error({}, missing);
    } catch (error) {
      if (!isDatabaseAway(error)) {
        await connections.stop();
        throw error;
      }
      log.warn({ reason: error }, 'database away; requests are refused until it is back');
    }
    return connections.stop;
  });
}
