import { type ConsumerGroups, createConsumerGroups } from '@order-events/messaging';
import {
  createAdminServer,
  createMetricsRegistry,
  kafkaConnection,
  type Logger,
  type Part,
} from '@order-events/runtime';
import packageJson from '../package.json' with { type: 'json' };
import { closingPart } from './closing-part.ts';
import type { GatewayConfig } from './config.ts';
import type { ConsumeSources } from './consume/consumer.ts';
import { createConsumeMetrics, registerConsumerGauge } from './consume-metrics.ts';
import { registerGatewayGauges } from './gateway-gauges.ts';
import { createGatewayMetrics, type GatewayMetrics } from './gateway-metrics.ts';
import { createAdminGrpcServer } from './grpc/admin-grpc-server.ts';
import { createGrpcServer, type GrpcServerOptions } from './grpc/grpc-server.ts';
import { createHealth } from './grpc/health.ts';
import { createLogSources } from './log-sources.ts';
import type { SlowLimits } from './watch/slow-policy.ts';
import { createSlowStreamCheck } from './watch/slow-stream-check.ts';
import type { WatchLimits } from './watch/watch-limits.ts';
import { createWatchRegistry, type WatchRegistry } from './watch/watch-registry.ts';

/** The rest of the time to stop is for the other parts. */
const GRPC_STOP_SHARE = 0.9;

/** Puts the gateway together, in the order in which its parts start. `settings` are those that operators may see. */
export function createGatewayApp(
  config: GatewayConfig,
  log: Logger,
  settings: Readonly<Record<string, string>> = {},
): Part[] {
  const registry = createMetricsRegistry('stream-gateway', packageJson.version);
  const metrics = createGatewayMetrics(registry);
  const health = createHealth();
  const { sources, parts: logParts } = createLogSources(config, metrics, health, log);
  const groups = createGroups(config);
  const observer = createConsumeMetrics(registry, log);
  const { watches, slowStreamCheck } = createWatches(config, metrics, () => sources.log.wake(), log);
  registerGatewayGauges(registry, sources.log, watches);
  registerConsumerGauge(registry, watches);
  const grpc = createGrpcServer({
    host: config.GATEWAY_HOST,
    port: config.GATEWAY_PORT,
    connections: connectionLimits(config),
    health,
    stopMs: config.GATEWAY_STOP_DEADLINE_MS * GRPC_STOP_SHARE,
    sources,
    consumeSources: { ...sources, groups, ...memberOptions(config), observer },
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
    settings,
    log,
  });
  return [admin, adminGrpc, ...logParts, closingPart('consumer groups', groups), slowStreamCheck, grpc];
}

function createWatches(
  config: GatewayConfig,
  metrics: GatewayMetrics,
  onDrain: () => void,
  log: Logger,
): { watches: WatchRegistry; slowStreamCheck: Part } {
  const watches = createWatchRegistry({
    limits: watchLimits(config),
    onDrain,
    onRefused: metrics.streamRefused,
    onEnded: metrics.streamEnded,
  });
  const slowStreamCheck = createSlowStreamCheck({
    watches,
    limits: slowLimits(config),
    onEvicted: metrics.streamEvicted,
    log,
  });
  return { watches, slowStreamCheck };
}

function watchLimits(config: GatewayConfig): WatchLimits {
  return {
    ofProcess: config.GATEWAY_MAX_WATCHERS,
    ofConnection: config.GATEWAY_MAX_STREAMS_PER_CONNECTION,
    ofPrincipal: config.GATEWAY_MAX_STREAMS_PER_PRINCIPAL || Number.POSITIVE_INFINITY,
  };
}

function connectionLimits(config: GatewayConfig): GrpcServerOptions['connections'] {
  return {
    maxStreams: config.GATEWAY_MAX_STREAMS_PER_CONNECTION,
    keepaliveMs: config.GATEWAY_KEEPALIVE_MS,
    keepaliveTimeoutMs: config.GATEWAY_KEEPALIVE_TIMEOUT_MS,
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

function memberOptions(
  config: GatewayConfig,
): Pick<ConsumeSources, 'clientId' | 'sessionTimeoutMs' | 'partitionCheckMs'> {
  return {
    clientId: config.KAFKA_CLIENT_ID,
    sessionTimeoutMs: config.GATEWAY_CONSUMER_SESSION_MS,
    partitionCheckMs: config.GATEWAY_PARTITION_CHECK_MS,
  };
}
