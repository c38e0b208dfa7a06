import { createWakeUpListener, databaseAccess } from '@order-events/database';
import {
  createCompletePublisher,
  createKafkaPublisher,
  ensureCompleteTopic,
  KafkaProtocolError,
  type KafkaPublisher,
} from '@order-events/messaging';
import {
  createLeaseStore,
  createOutboxReader,
  createParkedEventStore,
  createReplayStore,
  OUTBOX_PLANS,
} from '@order-events/outbox';
import {
  createClosingPart,
  createSparingWarn,
  createWakeSignal,
  kafkaConnection,
  type Logger,
  type Part,
  type Tracing,
} from '@order-events/runtime';
import type { Pool } from 'pg';
import { createCompleteTeller } from './complete/complete-teller.ts';
import type { RelayConfig } from './config.ts';
import { clockFinding, createAppendTrouble } from './health/append-findings.ts';
import { gateFindings } from './health/gate-findings.ts';
import type { FindingBoard } from './health/finding-board.ts';
import { createSettingsWatch } from './health/settings-watch.ts';
import { inspect } from './inspection.ts';
import { createOperatorRequests } from './operations/operator-requests.ts';
import { createOwnConnections } from './own-connections.ts';
import { createReachProbe, createReachRecord, type ReachRecord } from './ownership/kafka-reach.ts';
import { createSendSpans } from './publish/send-spans.ts';
import { createRelay, type Relay } from './run/relay.ts';
import type { RelayMetrics } from './relay-metrics.ts';
import { createTopicGate } from './topic-gate.ts';

const RENEWALS_PER_LEASE = 3;
/** A lost notification of a lease given back, or of an operator's wish, costs at most this. */
const OWNERSHIP_LOOK_INTERVAL_MS = 200;
const PAGE_LIMITS = { rows: 2000, bytes: 8 * 1024 * 1024 };
/** Long before `producer.id.expiration.ms`, a day by default. */
const FENCE_RENEWAL_MS = 6 * 60 * 60 * 1000;
/** How soon a database that was restored under a running relay, or a resized topic, is noticed. */
const GATE_CHECK_INTERVAL_MS = 2000;
/** How often it is told up to which time partitions are complete. */
const COMPLETE_INTERVAL_MS = 1000;

export interface PublishingOptions {
  readonly config: RelayConfig;
  readonly pool: Pool;
  readonly metrics: RelayMetrics;
  /** Undefined makes no spans. */
  readonly tracing: Tracing | undefined;
  /** Names this relay among the others. */
  readonly owner: string;
  /** Where each part tells what holds it up. */
  readonly board: FindingBoard;
  readonly log: Logger;
}

/** Everything that moves events from the outbox to the topic. */
export function createPublishing(options: PublishingOptions): Part[] {
  const { config, pool, metrics, owner, board, log } = options;
  const wakeUps = createWakeSignal();
  const access = databaseAccess(config);
  const renewIntervalMs = config.RELAY_LEASE_MS / RENEWALS_PER_LEASE;
  const statementTimeoutMs = Math.ceil(renewIntervalMs);
  const leaseConnections = createOwnConnections('leases', { ...access, statementTimeoutMs }, log);
  const readerConnections = createOwnConnections('reader', { ...access, settings: OUTBOX_PLANS }, log);
  const leaseOptions = { pool: leaseConnections.pool, owner, leaseMs: config.RELAY_LEASE_MS };
  // A lease that is long is renewed as rarely: what others tell must be newer than what this relay has been waiting for.
  const cutOffMs = Math.max(config.RELAY_CUT_OFF_MS, 2 * config.RELAY_LEASE_MS);
  const reach = createReachRecord(cutOffMs);
  const publisher = createPublisher(options, reach);
  const marks = createCompletePublisher({ ...kafkaConnection(config), clientId: owner }, config.KAFKA_TOPIC);
  const reviewSettings = createSettingsWatch({
    review: (signal) => publisher.reviewSettings(signal),
    board,
    log,
  });
  const parkedEvents = createParkedEventStore(pool);
  const connections = createClosingPart('Kafka connections', () => publisher.close());
  let relay: Relay | undefined;
  const gate = createTopicGate({
    log,
    checkIntervalMs: GATE_CHECK_INTERVAL_MS,
    onState(state) {
      metrics.halted.set(Number(state.kind === 'halted'));
      board.put('gate', gateFindings(state));
    },
    inspect: (signal) =>
      inspect(
        {
          pool,
          topic: config.KAFKA_TOPIC,
          kafka: {
            describeTopic: (asked) => publisher.describeTopic(asked),
            belongTo(clusterId) {
              publisher.belongTo(clusterId);
              marks.belongTo(clusterId);
            },
          },
          leases: createLeaseStore(leaseOptions),
          reviewSettings,
          board,
          log,
        },
        signal,
      ),
    createRelay: (partitionCount) =>
      (relay = createRelay({
        leases: createLeaseStore({ ...leaseOptions, subject: { topic: config.KAFKA_TOPIC, partitionCount } }),
        reader: createOutboxReader({
          pool: readerConnections.pool,
          throughPooler: access.throughPooler,
          partitionCount,
          limits: PAGE_LIMITS,
        }),
        partitionCount,
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
        reach: () => reach.at(performance.now()),
        metrics,
        board,
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
  const probe = createReachProbe({
    ask: (signal) => publisher.describeTopic(signal),
    ...{ record: reach, cutOffMs },
  });
  const teller = createCompleteTeller({
    marks: () => relay?.completeMarks() ?? [],
    publisher: marks,
    ensureTopic: (signal) =>
      ensureCompleteTopic({ ...kafkaConnection(config), clientId: owner }, config.KAFKA_TOPIC, signal),
    onTold: metrics.complete.told,
    intervalMs: COMPLETE_INTERVAL_MS,
    ...{ board, log },
  });
  const listener = createWakeUpListener({
    url: access.directUrl,
    log,
    onWakeUp: (channel) => (channel === 'relay_ownership' ? relay?.notice() : wakeUps.wake()),
    onConnected: (connected) => metrics.listenConnected.set(Number(connected)),
  });
  return [leaseConnections, readerConnections, connections, listener, probe, teller, gate];
}

function createPublisher(
  { config, metrics, tracing, owner, board, log }: PublishingOptions,
  reach: ReachRecord,
): KafkaPublisher {
  const warn = createSparingWarn(log);
  const appends = createAppendTrouble(board);
  return createKafkaPublisher({
    ...kafkaConnection(config),
    topic: config.KAFKA_TOPIC,
    clientId: owner,
    transactionalIdPrefix: `orders-relay-${config.KAFKA_TOPIC}`,
    requestTimeoutMs: config.RELAY_PRODUCE_TIMEOUT_MS,
    observer: {
      ...(tracing && {
        handedOver: createSendSpans({ tracing, topic: config.KAFKA_TOPIC, clientId: owner }),
      }),
      acknowledged({ partition, events, durationMs }) {
        appends.acknowledged(partition);
        reach.reached(performance.now());
        metrics.batchEvents.observe(events);
        metrics.publishDuration.observe(durationMs / 1000);
      },
      inFlight: (bytes) => metrics.inFlightBytes.set(bytes),
      unexpectedOffset: () => metrics.secondWriters.inc(),
      retried(partition, error) {
        metrics.delivery.failed('retry');
        appends.failed(partition, error);
        const about = error instanceof KafkaProtocolError ? error.reason : error.name;
        warn({ reason: error.message, partition }, 'append not acknowledged, sending it again', about);
      },
      misdated: (_partition, reason) => board.put('clock', [clockFinding(reason)]),
      dated: () => board.put('clock', []),
    },
  });
}
