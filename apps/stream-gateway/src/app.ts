import { type ConsumerGroups, createConsumerGroups, createLogReader } from '@order-events/messaging';
import {
  createAdminServer,
  createMetricsRegistry,
  kafkaConnection,
  type Logger,
  type Part,
} from '@order-events/runtime';
import packageJson from '../package.json' with { type: 'json' };
import type { GatewayConfig } from './config.ts';
import { createConsumeMetrics } from './consume-metrics.ts';
import { createGatewayMetrics, type GatewayMetrics, registerGatewayGauges } from './gateway-metrics.ts';
import { createAdminGrpcServer } from './grpc/admin-grpc-server.ts';
import { createGrpcServer } from './grpc/grpc-server.ts';
import { createHealth, type Health } from './grpc/health.ts';
import type { OrderStreamServiceOptions } from './grpc/order-stream-service.ts';
import { createHistory } from './log/history.ts';
import { createOrderLog } from './log/order-log.ts';
import { createSparingWarn } from './log/sparing-log.ts';
import { createLogTail } from './log/tail.ts';
import { createWakeUp } from './log/wake-up.ts';
import { createSharedBatches } from './watch/shared-batches.ts';
import type { SlowLimits } from './watch/slow-policy.ts';
import { createSlowStreamCheck } from './watch/slow-stream-check.ts';
import { createWatchRegistry } from './watch/watch-registry.ts';

const HISTORY_FETCHES = 8;
/** Of one partition in a response: what it holds is decoded in one go. */
const TAIL_PARTITION_BYTES = 256 * 1024;
/** The rest of the time to stop is for the other parts. */
const GRPC_STOP_SHARE = 0.9;

/** Puts the gateway together, in the order in which its parts start. */
export function createGatewayApp(config: GatewayConfig, log: Logger): Part[] {
  const registry = createMetricsRegistry('stream-gateway', packageJson.version);
  const metrics = createGatewayMetrics(registry);
  const health = createHealth();
  const { sources, parts: logParts } = createLogSources(config, metrics, health, log);
  const groups = createGroups(config);
  const watches = createWatchRegistry({
    maxWatches: config.GATEWAY_MAX_WATCHERS,
    onDrain: () => sources.log.wake(),
    onEnded: metrics.streamEnded,
  });
  registerGatewayGauges(registry, sources.log, watches);
  const slowStreamCheck = createSlowStreamCheck({ watches, limits: slowLimits(config), log });
  const grpc = createGrpcServer({
    host: config.GATEWAY_HOST,
    port: config.GATEWAY_PORT,
    health,
    stopMs: config.GATEWAY_STOP_DEADLINE_MS * GRPC_STOP_SHARE,
    sources,
    consumeSources: {
      ...sources,
      groups,
      ...memberOptions(config),
      observer: createConsumeMetrics(registry, log),
    },
    maxConsumers: config.GATEWAY_MAX_CONSUMERS,
    watches,
    maxWatchAgeMs: config.GATEWAY_MAX_WATCH_AGE_MS,
    metrics,
    log,
  });
  const adminGrpc = createAdminGrpcServer({
    host: config.GATEWAY_ADMIN_GRPC_HOST,
    port: config.GATEWAY_ADMIN_GRPC_PORT,
    watches,
    metrics,
    log,
  });
  const admin = createAdminServer({
    host: config.GATEWAY_ADMIN_HOST,
    port: config.GATEWAY_ADMIN_PORT,
    // Kafka away is no reason to take a replica out of service: its streams go on by themselves, and the others have no Kafka either.
    checks: [{ name: 'gRPC server', check: () => grpc.isServing() }],
    registry,
    log,
  });
  return [admin, adminGrpc, ...logParts, closingPart('consumer groups', groups), slowStreamCheck, grpc];
}

/** The log in memory, the tail that fills it, and the reader of what is not in memory. */
function createLogSources(
  config: GatewayConfig,
  metrics: GatewayMetrics,
  health: Health,
  log: Logger,
): { sources: OrderStreamServiceOptions['sources']; parts: Part[] } {
  const warnOfRecord = createSparingWarn(log);
  const warnOfRead = createSparingWarn(log);
  const orderLog = createOrderLog({
    ringBytes: config.GATEWAY_RING_BYTES,
    wakeUp: createWakeUp(),
    listeners: {
      onSkipped(partition, offset, error) {
        metrics.recordSkipped();
        warnOfRecord({ err: error, partition, offset }, 'left out a record that is no order event');
      },
      onIngested: metrics.ingested,
      onSourceChanged: health.setSourceAvailable,
    },
  });
  const readerConfig = {
    ...kafkaConnection(config),
    topic: config.KAFKA_TOPIC,
    clientId: config.KAFKA_CLIENT_ID,
    // The relay's transactions hold no records; one that it left open when it died would keep committed readers waiting for nothing.
    isolation: 'uncommitted',
  } as const;
  const openReader = () => createLogReader({ ...readerConfig, partitionMaxBytes: TAIL_PARTITION_BYTES });
  const reader = createLogReader(readerConfig);
  const history = createHistory({
    reader,
    maxBytes: config.GATEWAY_HISTORY_BYTES,
    maxConcurrentFetches: HISTORY_FETCHES,
    onFetch: metrics.historyFetched,
  });
  const onReadFailure = (error: unknown) => {
    metrics.readFailed();
    warnOfRead({ err: error }, 'a read for a stream failed, trying on');
  };
  return {
    sources: { log: orderLog, batches: createSharedBatches(orderLog), history, reader, onReadFailure },
    parts: [closingPart('history reader', reader), createLogTail({ orderLog, openReader, log })],
  };
}

function slowLimits(config: GatewayConfig): SlowLimits {
  return {
    blockedMs: config.GATEWAY_BLOCKED_LIMIT_MS,
    windowMs: config.GATEWAY_SLOW_WINDOW_MS,
    backlogEvents: BigInt(config.GATEWAY_SLOW_BACKLOG_EVENTS),
  };
}

function createGroups(config: GatewayConfig): ConsumerGroups {
  const { KAFKA_CLIENT_ID: clientId, KAFKA_TOPIC: topic } = config;
  return createConsumerGroups({ ...kafkaConnection(config), clientId, topic });
}

function memberOptions(config: GatewayConfig): { clientId: string; sessionTimeoutMs: number } {
  return { clientId: config.KAFKA_CLIENT_ID, sessionTimeoutMs: config.GATEWAY_CONSUMER_SESSION_MS };
}

/** A part that connects with its first use. */
function closingPart(name: string, part: { close(): void }): Part {
  return { name, start: async () => {}, stop: async () => part.close() };
}
