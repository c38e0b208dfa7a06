import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import {
  createPool,
  createWakeUpListener,
  databaseAccess,
  isSchemaCurrent,
  requireSchema,
} from '@order-events/database';
import { createKafkaPublisher } from '@order-events/messaging';
import {
  createAdminServer,
  createMetricsRegistry,
  kafkaConnection,
  type Logger,
  type Part,
  settleWithin,
} from '@order-events/runtime';
import type { Pool } from 'pg';
import packageJson from '../package.json' with { type: 'json' };
import type { RelayConfig } from './config.ts';
import { createObserving } from './observing.ts';
import { createOutboxReader } from './outbox/outbox-reader.ts';
import { createOperatorRequests } from './operations/operator-requests.ts';
import { createParkedEventStore } from './operations/parked-event-store.ts';
import { createReplayStore } from './operations/replay-store.ts';
import { createLeaseStore } from './ownership/lease-store.ts';
import { createRelay, type Relay } from './relay.ts';
import { createRelayMetrics, type RelayMetrics } from './relay-metrics.ts';
import { createTopicGate } from './topic-gate.ts';
import { createWakeSignal } from './wake-signal.ts';

const RENEWALS_PER_LEASE = 3;
/** A lost notification of a lease given back, or of an operator's wish, costs at most this. */
const OWNERSHIP_LOOK_INTERVAL_MS = 200;
const PAGE_LIMITS = { rows: 2000, bytes: 8 * 1024 * 1024 };
/** Long before `producer.id.expiration.ms`, a day by default. */
const FENCE_RENEWAL_MS = 6 * 60 * 60 * 1000;
/** How soon a database that was restored under a running relay, or a resized topic, is noticed. */
const GATE_CHECK_INTERVAL_MS = 2000;
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
  const database: Part = {
    name: 'database',
    start: async () => {},
    async stop() {
      if (!pool.ending) await settleWithin(pool.end(), POOL_END_MS);
    },
  };
  const owner = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const publishing =
    config.KAFKA_BROKERS.length > 0 ? createPublishing(config, log, pool, metrics, owner) : undefined;
  if (!publishing) log.warn('no Kafka brokers are configured: all events are held');
  const observing = createObserving({
    config,
    pool,
    registry,
    owner,
    haltReason: () => publishing?.haltReason(),
    log,
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
  return [admin, database, ...observing.parts, ...(publishing?.parts ?? [])];
}

function createPublishing(
  config: RelayConfig,
  log: Logger,
  pool: Pool,
  metrics: RelayMetrics,
  owner: string,
): { parts: Part[]; haltReason: () => string | undefined } {
  const wakeUps = createWakeSignal();
  const leases = createLeaseStore({ pool, owner, leaseMs: config.RELAY_LEASE_MS });
  const publisher = createKafkaPublisher({
    ...kafkaConnection(config),
    topic: config.KAFKA_TOPIC,
    clientId: owner,
    transactionalIdPrefix: `orders-relay-${config.KAFKA_TOPIC}`,
    requestTimeoutMs: config.RELAY_PRODUCE_TIMEOUT_MS,
    observer: {
      acknowledged({ events, durationMs }) {
        metrics.batchEvents.observe(events);
        metrics.publishDuration.observe(durationMs / 1000);
      },
      inFlight: (bytes) => metrics.inFlightBytes.set(bytes),
      unexpectedOffset: () => metrics.secondWriters.inc(),
      retried(partition, error) {
        metrics.delivery.failed('retry');
        log.warn({ reason: error.message, partition }, 'append not acknowledged, sending it again');
      },
    },
  });
  const parkedEvents = createParkedEventStore(pool);
  const connections: Part = {
    name: 'Kafka connections',
    start: async () => {},
    stop: () => publisher.close(),
  };
  let relay: Relay | undefined;
  const gate = createTopicGate({
    log,
    checkIntervalMs: GATE_CHECK_INTERVAL_MS,
    onHalted: (halted) => metrics.halted.set(Number(halted)),
    async inspect(signal) {
      await requireSchema(pool);
      const { partitionCount } = await publisher.describeTopic(signal);
      const storedCount = await leases.ensurePartitions(partitionCount);
      if (storedCount === partitionCount) return { kind: 'open', partitionCount };
      return {
        kind: 'halted',
        reason: `the topic has ${partitionCount} partitions and the stored cursors are for ${storedCount}: run \`outboxctl resize\``,
      };
    },
    createRelay: (partitionCount) =>
      (relay = createRelay({
        leases,
        reader: createOutboxReader({ pool, partitionCount, limits: PAGE_LIMITS }),
        publisher,
        claims: publisher,
        parkedEvents,
        operatorRequests: createOperatorRequests({
          pool,
          parkedEvents,
          replays: createReplayStore(pool, partitionCount),
          metrics,
          log,
        }),
        wakeUps,
        metrics,
        log,
        leaseMs: config.RELAY_LEASE_MS,
        renewIntervalMs: config.RELAY_LEASE_MS / RENEWALS_PER_LEASE,
        lookIntervalMs: OWNERSHIP_LOOK_INTERVAL_MS,
        safetyMarginMs: config.RELAY_PRODUCE_TIMEOUT_MS,
        idlePollMs: config.RELAY_IDLE_POLL_MS,
        drainMs: config.RELAY_PRODUCE_TIMEOUT_MS * 2,
        fenceRenewalMs: FENCE_RENEWAL_MS,
      })),
  });
  const listener = createWakeUpListener({
    url: databaseAccess(config).directUrl,
    log,
    onWakeUp: (channel) => (channel === 'relay_ownership' ? relay?.notice() : wakeUps.wake()),
  });
  return { parts: [connections, listener, gate], haltReason: () => gate.haltReason() };
}
