import {
  certificateFilesOf,
  createAdminServer,
  createCertificateMetrics,
  createMetricsRegistry,
  createTracing,
  createWatchedCertificate,
  type Logger,
  type Part,
  type TracingPart,
  type WatchedCertificate,
} from '@order-events/runtime';
import type { Registry } from 'prom-client';
import packageJson from '../package.json' with { type: 'json' };
import { type GatewayConfig, gatewayTls } from './config.ts';
import { registerConsumerGauge, registerHeldGauges } from './consume-metrics.ts';
import { registerGatewayGauges } from './gateway-gauges.ts';
import { createGatewayMetrics, type GatewayMetrics } from './gateway-metrics.ts';
import { createAdminGrpcServer } from './grpc/admin-grpc-server.ts';
import {
  CALLS_BESIDE_STREAMS,
  createGrpcServer,
  type GrpcServer,
  type GrpcServerOptions,
} from './grpc/grpc-server.ts';
import { createHealth } from './grpc/health.ts';
import type { WebCallsOptions } from './grpc/web-calls.ts';
import { createRequestArrivals, type RequestArrivals } from './grpc/request-arrivals.ts';
import { createGatewayAccess } from './compose-access.ts';
import { createLogSources } from './compose-log-sources.ts';
import { createDesk, createSubscriptions } from './compose-subscriptions.ts';
import type { SlowLimits } from './stream/slow-policy.ts';
import { createSlowStreamCheck } from './stream/slow-stream-check.ts';
import type { WatchLimits } from './stream/watch-limits.ts';
import { createWatchRegistry, type WatchRegistry } from './stream/watch-registry.ts';
import { createGrpcWebServer } from './web/grpc-web-server.ts';

/** The rest of the time to stop is for the other parts. */
const GRPC_STOP_SHARE = 0.9;
const WEB_STOP_SHARE = 0.05;

/** Puts the gateway together, in the order in which its parts start. `settings` are those that operators may see. */
export function createGatewayApp(
  config: GatewayConfig,
  log: Logger,
  settings: Readonly<Record<string, string>> = {},
): Part[] {
  const registry = createMetricsRegistry('stream-gateway', packageJson.version);
  const metrics = createGatewayMetrics(registry);
  const health = createHealth();
  const spans = createSpans(config, registry, log);
  const tracing = spans?.tracing;
  const ofLog = createLogSources(config, { registry, metrics, health, tracing, log });
  const { sources, subscriptionReader } = ofLog;
  const { parts: subscriptionParts, ...subscriptions } = createSubscriptions(config, {
    ...{ sources, subscriptionReader, registry, log },
  });
  const { watches, slowStreamCheck } = createWatches(config, metrics, () => sources.log.wake(), log);
  const { desk: heldDesk, part: deskPart } = createDesk(config, sources, subscriptions, watches);
  const arrivals = createArrivals(config, metrics);
  const { audit, calls: access, refuse, parts: accessParts } = createGatewayAccess(config, watches, log);
  registerGatewayGauges(registry, sources.log, watches, arrivals);
  registerConsumerGauge(registry, watches);
  registerHeldGauges(registry, watches);
  const certificate = createCertificate(config, registry, log);
  const served = {
    ...subscriptions,
    ...{ arrivals, access, audit, tracing, sources },
    tokenSecret: config.GATEWAY_TOKEN_SECRET,
    maxConsumers: config.GATEWAY_MAX_CONSUMERS,
    watches,
    maxWatchAgeMs: config.GATEWAY_MAX_WATCH_AGE_MS,
    metrics,
    log,
  };
  const { grpc, parts: callParts } = createCallServers(config, certificate, health, served);
  const adminGrpc = createAdminGrpcServer({
    host: config.GATEWAY_ADMIN_GRPC_HOST,
    port: config.GATEWAY_ADMIN_GRPC_PORT,
    ...{ certificate, watches, heldDesk, access, audit, tracing, metrics, log },
  });
  const admin = createAdminServer({
    host: config.GATEWAY_ADMIN_HOST,
    port: config.GATEWAY_ADMIN_PORT,
    // Kafka away is no reason to take a replica out of service: its streams go on by themselves, and the others have no Kafka either.
    checks: [{ name: 'gRPC server', check: () => grpc.isServing() }],
    ...{ registry, settings, refuse, log },
  });
  const edgeParts = [admin, ...(certificate ? [certificate] : []), ...accessParts, adminGrpc];
  const logParts = [...ofLog.parts, ...subscriptionParts, deskPart, slowStreamCheck];
  return [...(spans ? [spans] : []), ...edgeParts, ...logParts, ...callParts];
}

/** The port for browsers starts before the gRPC server, and so stops after it, which ends the streams of both. */
function createCallServers(
  config: GatewayConfig,
  certificate: WatchedCertificate | undefined,
  health: GrpcServerOptions['health'],
  served: Omit<WebCallsOptions, 'isDraining'>,
): { grpc: GrpcServer; parts: Part[] } {
  const connections = connectionLimits(config);
  const grpc = createGrpcServer({
    host: config.GATEWAY_HOST,
    port: config.GATEWAY_PORT,
    ...{ connections, certificate, health },
    stopMs: config.GATEWAY_STOP_DEADLINE_MS * GRPC_STOP_SHARE,
    ...served,
  });
  if (config.GATEWAY_WEB_PORT === undefined) return { grpc, parts: [grpc] };
  const web = createGrpcWebServer({
    host: config.GATEWAY_WEB_HOST,
    port: config.GATEWAY_WEB_PORT,
    origins: new Set(config.GATEWAY_WEB_ORIGINS),
    maxStreams: config.GATEWAY_WEB_MAX_STREAMS,
    requestDeadlineMs: config.GATEWAY_REQUEST_DEADLINE_MS,
    stopMs: config.GATEWAY_STOP_DEADLINE_MS * WEB_STOP_SHARE,
    ...{ connections, certificate, arrivals: served.arrivals, log: served.log },
    calls: { ...served, isDraining: grpc.isDraining },
    onRefused: served.metrics.streamRefused,
  });
  return { grpc, parts: [web, grpc] };
}

function createSpans(config: GatewayConfig, registry: Registry, log: Logger): TracingPart | undefined {
  return createTracing({
    ...{ settings: config, service: 'stream-gateway', version: packageJson.version, registry, log },
    stopDeadlineMs: config.GATEWAY_STOP_DEADLINE_MS,
  });
}

function createCertificate(
  config: GatewayConfig,
  registry: Registry,
  log: Logger,
): WatchedCertificate | undefined {
  const metrics = createCertificateMetrics(registry);
  const files = certificateFilesOf(gatewayTls(config));
  return files && createWatchedCertificate({ files, checkMs: config.GATEWAY_TLS_CHECK_MS, metrics, log });
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

function createArrivals(config: GatewayConfig, metrics: GatewayMetrics): RequestArrivals {
  return createRequestArrivals({
    deadlineMs: config.GATEWAY_REQUEST_DEADLINE_MS,
    maxCalls: config.GATEWAY_MAX_WATCHERS + CALLS_BESIDE_STREAMS,
    maxBytes: config.GATEWAY_REQUEST_BYTES,
    onRefused: metrics.streamRefused,
  });
}

function watchLimits(config: GatewayConfig): WatchLimits {
  return {
    ofProcess: config.GATEWAY_MAX_WATCHERS,
    ofConnection: config.GATEWAY_MAX_STREAMS_PER_CONNECTION,
    ofPrincipal: config.GATEWAY_MAX_STREAMS_PER_PRINCIPAL || Number.POSITIVE_INFINITY,
    requestBytes: config.GATEWAY_REQUEST_BYTES,
  };
}

function connectionLimits(config: GatewayConfig): GrpcServerOptions['connections'] {
  return {
    maxStreams: config.GATEWAY_MAX_STREAMS_PER_CONNECTION,
    idleMs: config.GATEWAY_IDLE_CONNECTION_MS,
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
