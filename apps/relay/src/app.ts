import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createPool, databaseAccess, isSchemaCurrent } from '@order-events/database';
import {
  createAdminServer,
  createMetricsRegistry,
  type Logger,
  type Part,
  settleWithin,
} from '@order-events/runtime';
import type { Pool } from 'pg';
import packageJson from '../package.json' with { type: 'json' };
import type { RelayConfig } from './config.ts';
import { createObserving } from './observing.ts';
import { createJanitor } from './outbox/janitor.ts';
import { createPublishing } from './publishing.ts';
import { createRelayMetrics } from './relay-metrics.ts';

/** Reader, leases, backlog, operators' requests and probes use one connection each; some more for parking. */
const POOL_SIZE = 8;
/** A connection that answers no more is not waited for. */
const POOL_END_MS = 2000;

/** Puts the relay together, in the order in which its parts start. `settings` are those that operators may see. */
export function createRelayApp(
  config: RelayConfig,
  log: Logger,
  settings: Readonly<Record<string, string>> = {},
): Part[] {
  const registry = createMetricsRegistry('relay', packageJson.version);
  const metrics = createRelayMetrics(registry);
  const access = databaseAccess(config);
  const pool = createPool({
    ...access,
    applicationName: 'relay',
    maxConnections: POOL_SIZE,
    onConnectionError: (error) => log.warn({ err: error }, 'lost a database connection'),
  });
  const owner = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const publishing =
    config.KAFKA_BROKERS.length > 0 ? createPublishing({ config, pool, metrics, owner, log }) : undefined;
  if (!publishing) log.warn('no Kafka brokers are configured: all events are held');
  const observing = createObserving({
    config,
    pool,
    registry,
    owner,
    haltReason: () => publishing?.haltReason(),
    log,
  });
  const janitor = createJanitor({
    pool,
    log,
    replayWindowMs: config.RELAY_REPLAY_WINDOW_MS,
    onDropped: () => metrics.droppedOutboxPartitions.inc(),
    onKept: (reason) => metrics.refusedDrops.inc({ reason }),
  });
  const admin = createAdminServer({
    host: config.RELAY_ADMIN_HOST,
    port: config.RELAY_ADMIN_PORT,
    // Kafka away is no reason to take a relay out of service: it must go on trying.
    checks: [
      { name: 'database schema', check: () => isSchemaCurrent(pool) },
      { name: 'publishing', check: () => publishing?.haltReason() === undefined },
    ],
    registry,
    settings,
    pages: observing.pages,
    log,
  });
  return [admin, databasePart(pool), janitor, ...observing.parts, ...(publishing?.parts ?? [])];
}

function databasePart(pool: Pool): Part {
  return {
    name: 'database',
    start: async () => {},
    async stop() {
      if (!pool.ending) await settleWithin(pool.end(), POOL_END_MS);
    },
  };
}
