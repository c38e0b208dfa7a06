import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createPool, createPoolPart, databaseAccess, isSchemaCurrent } from '@order-events/database';
import { type Finding, isReady } from '@order-events/outbox';
import {
  createAdminServer,
  createMetricsRegistry,
  createTracing,
  type Logger,
  type Part,
  type TracingPart,
} from '@order-events/runtime';
import type pg from 'pg';
import type { Registry } from 'prom-client';
import packageJson from '../package.json' with { type: 'json' };
import type { RelayConfig } from './config.ts';
import { createFindingBoard } from './health/finding-board.ts';
import { createRelayAccess } from './compose-access.ts';
import { createObserving } from './compose-observing.ts';
import { createJanitor } from './janitor.ts';
import { createPublishing, type PublishingOptions } from './compose-publishing.ts';
import { createRelayMetrics } from './relay-metrics.ts';

/** Reader, leases, backlog, operators' requests and probes use one connection each; some more for parking. */
const POOL_SIZE = 8;

const NO_BROKERS: Finding = {
  name: 'no-brokers',
  severity: 'fault',
  text: 'no Kafka brokers are configured (KAFKA_BROKERS): all events are held',
};

/** Puts the relay together, in the order in which its parts start. `settings` are those that operators may see. */
export function createRelayApp(
  config: RelayConfig,
  log: Logger,
  settings: Readonly<Record<string, string>> = {},
): Part[] {
  const registry = createMetricsRegistry('relay', packageJson.version);
  const metrics = createRelayMetrics(registry);
  const spans = createSpans(config, registry, log);
  const pool = createRelayPool(config, log);
  const board = createFindingBoard();
  const owner = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const publishing = publishingParts({
    ...{ config, pool, metrics, owner, board, log },
    tracing: spans?.tracing,
  });
  const observing = createObserving({ config, pool, registry, owner, board, log });
  const janitor = createJanitor({
    pool,
    log,
    replayWindowMs: config.RELAY_REPLAY_WINDOW_MS,
    onDropped: () => metrics.droppedOutboxPartitions.inc(),
    onKept: (reason) => metrics.refusedDrops.inc({ reason }),
    onRefused: (findings) => board.put('janitor', findings),
  });
  const { refuse, parts: accessParts } = createRelayAccess(config, log);
  const admin = createAdminServer({
    host: config.RELAY_ADMIN_HOST,
    port: config.RELAY_ADMIN_PORT,
    // Kafka away is no reason to take a relay out of service: it must go on trying.
    checks: [
      { name: 'database schema', check: () => isSchemaCurrent(pool) },
      { name: 'publishing', check: () => isReady(board.list()) },
    ],
    registry,
    settings,
    pages: observing.pages,
    refuse,
    log,
  });
  return [
    ...(spans ? [spans] : []),
    admin,
    ...accessParts,
    createPoolPart('database', pool),
    janitor,
    ...observing.parts,
    ...publishing,
  ];
}

function createSpans(config: RelayConfig, registry: Registry, log: Logger): TracingPart | undefined {
  return createTracing({
    ...{ settings: config, service: 'relay', version: packageJson.version, registry, log },
    stopDeadlineMs: config.RELAY_STOP_DEADLINE_MS,
  });
}

function createRelayPool(config: RelayConfig, log: Logger): pg.Pool {
  const database = databaseAccess(config);
  for (const warning of database.warnings) log.warn(warning);
  return createPool({
    ...database,
    applicationName: 'relay',
    maxConnections: POOL_SIZE,
    onConnectionError: (error) => log.warn({ reason: error }, 'lost a database connection'),
  });
}

function publishingParts(options: PublishingOptions): Part[] {
  if (options.config.KAFKA_BROKERS.length > 0) return createPublishing(options);
  options.log.warn('no Kafka brokers are configured: all events are held');
  options.board.put('configuration', [NO_BROKERS]);
  return [];
}
