import { createWakeUpListener, databaseAccess } from '@order-events/database';
import { createKafkaPublisher, type KafkaPublisher } from '@order-events/messaging';
import { kafkaConnection, type Logger, type Part } from '@order-events/runtime';
import type { Pool } from 'pg';
import type { RelayConfig } from './config.ts';
import { inspect } from './inspection.ts';
import { createOperatorRequests } from './operations/operator-requests.ts';
import { createParkedEventStore } from './operations/parked-event-store.ts';
import { createReplayStore } from './operations/replay-store.ts';
import { createOutboxReader } from './outbox/outbox-reader.ts';
import { createLeaseConnections } from './ownership/lease-connections.ts';
import { createLeaseStore } from './ownership/lease-store.ts';
import { createRelay, type Relay } from './relay.ts';
import type { RelayMetrics } from './relay-metrics.ts';
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

export interface PublishingOptions {
  readonly config: RelayConfig;
  readonly pool: Pool;
  readonly metrics: RelayMetrics;
  /** Names this relay among the others. */
  readonly owner: string;
  readonly log: Logger;
}

/** Everything that moves events from the outbox to the topic. */
export function createPublishing(options: PublishingOptions): {
  parts: Part[];
  haltReason: () => string | undefined;
} {
  const { config, pool, metrics, owner, log } = options;
  const wakeUps = createWakeSignal();
  const access = databaseAccess(config);
  const renewIntervalMs = config.RELAY_LEASE_MS / RENEWALS_PER_LEASE;
  const leaseConnections = createLeaseConnections({ access, requestMs: renewIntervalMs, log });
  const leaseOptions = { pool: leaseConnections.pool, owner, leaseMs: config.RELAY_LEASE_MS };
  const publisher = createPublisher(options);
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
    inspect: (signal) =>
      inspect(
        { pool, topic: config.KAFKA_TOPIC, kafka: publisher, leases: createLeaseStore(leaseOptions), log },
        signal,
      ),
    createRelay: (partitionCount) =>
      (relay = createRelay({
        leases: createLeaseStore({ ...leaseOptions, subject: { topic: config.KAFKA_TOPIC, partitionCount } }),
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
        renewIntervalMs,
        lookIntervalMs: OWNERSHIP_LOOK_INTERVAL_MS,
        safetyMarginMs: config.RELAY_PRODUCE_TIMEOUT_MS,
        idlePollMs: config.RELAY_IDLE_POLL_MS,
        drainMs: config.RELAY_PRODUCE_TIMEOUT_MS * 2,
        fenceRenewalMs: FENCE_RENEWAL_MS,
      })),
  });
  const listener = createWakeUpListener({
    url: access.directUrl,
    log,
    onWakeUp: (channel) => (channel === 'relay_ownership' ? relay?.notice() : wakeUps.wake()),
    onConnected: (connected) => metrics.listenConnected.set(Number(connected)),
  });
  return { parts: [leaseConnections, connections, listener, gate], haltReason: () => gate.haltReason() };
}

function createPublisher({ config, metrics, owner, log }: PublishingOptions): KafkaPublisher {
  return createKafkaPublisher({
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
}
