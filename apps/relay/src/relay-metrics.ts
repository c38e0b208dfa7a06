import type { PendingEvent } from '@order-events/outbox';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type CompleteMetrics, createCompleteMetrics } from './complete/complete-metrics.ts';
import type { LeaseMove } from './ownership/lease-keeper.ts';
import type { DropRefusal } from './janitor.ts';
import type { DeliveryObserver } from './publish/partition-writer.ts';

/** What this process counts itself. What only the database knows is measured by the backlog reporter. */
export interface RelayMetrics {
  readonly delivery: DeliveryObserver;
  readonly complete: CompleteMetrics;
  /** A publish of one partition's batch, from the call to its answer. */
  readonly publishDuration: Histogram;
  readonly batchEvents: Histogram;
  /** Payload bytes that are read from the outbox and not yet acknowledged. */
  readonly inFlightBytes: Gauge;
  readonly partitionsOwned: Gauge;
  readonly leaseMoves: Counter<keyof LeaseMove>;
  readonly leaseRequestFailures: Counter<'request'>;
  readonly claims: Counter;
  readonly claimFailures: Counter;
  /** An acknowledgement at another offset than the expected one, or a fenced producer: somebody else writes, or wrote. */
  readonly secondWriters: Counter;
  /** Logs that had lost acknowledged events; `healed`: `whole`, `partly` or `nothing`. */
  readonly logCuts: Counter<'healed'>;
  /** Events found in the topic that the outbox does not have. */
  readonly onlyInTopic: Counter;
  readonly readFailures: Counter;
  readonly pollDuration: Histogram;
  /** `reason`: `refused` by Kafka, or `behind` a parked event of its key. */
  readonly parked: Counter<'reason'>;
  readonly requeued: Counter;
  readonly replayed: Counter;
  readonly droppedOutboxPartitions: Counter;
  /** The janitor kept an outbox partition that is old enough to go. */
  readonly refusedDrops: Counter<'reason'>;
  /** 1 while the connection that listens for wake-ups is open. */
  readonly listenConnected: Gauge;
  /** 1 while publishing is halted until an operator decides. */
  readonly halted: Gauge;
}

const REFUSED_DROPS: readonly DropRefusal[] = ['not published', 'a replay needs it', 'locked', 'refused'];
const LATENCY_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600];
const REQUEST_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2, 10];

/** Names and help texts are what operators see: docs/metrics.md, dashboards and alerts follow them. */
export function createRelayMetrics(registry: Registry): RelayMetrics {
  const registers = [registry];
  const counter = (name: string, help: string) => new Counter({ name, help, registers });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, registers });
  return {
    delivery: createDeliveryMetrics(registry),
    complete: createCompleteMetrics(registry),
    publishDuration: histogram(
      'outbox_publish_duration_seconds',
      'One publish of a batch of one partition, retries included, until Kafka answered for all of it.',
      REQUEST_BUCKETS,
    ),
    batchEvents: histogram(
      'outbox_batch_events',
      'Events in one publish of one partition.',
      [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000],
    ),
    inFlightBytes: gauge(
      'outbox_relay_in_flight_bytes',
      'Payload bytes read from the outbox and not yet acknowledged by Kafka.',
    ),
    partitionsOwned: gauge('outbox_relay_partitions_owned', 'Partitions that this relay publishes.'),
    ...createLeaseMetrics(registry),
    claims: counter('outbox_relay_claims_total', 'Partitions fenced and taken over.'),
    claimFailures: counter('outbox_relay_claim_failures_total', 'Claims that failed and were tried again.'),
    secondWriters: counter(
      'outbox_relay_second_writers_total',
      'Times that something else was found to have written to a partition of this relay.',
    ),
    logCuts: createLogCuts(registry),
    onlyInTopic: counter(
      'outbox_relay_only_in_topic_total',
      'Events found in the topic that the outbox does not have, as after a failover that lost commits.',
    ),
    readFailures: counter(
      'outbox_relay_read_failures_total',
      'Looks at the outbox that failed and were tried again.',
    ),
    pollDuration: histogram('outbox_relay_poll_duration_seconds', 'One look at the outbox.', REQUEST_BUCKETS),
    ...createParkingMetrics(registry),
    ...createRetentionMetrics(registry),
    listenConnected: gauge(
      'outbox_listen_connected',
      '1 while the connection that listens for wake-ups is open; without it the relay polls.',
    ),
    halted: gauge('outbox_relay_halted', '1 while this relay publishes nothing until an operator decides.'),
  };
}

function createDeliveryMetrics(registry: Registry): DeliveryObserver {
  const registers = [registry];
  const published = new Counter({
    name: 'outbox_published_total',
    help: 'Events acknowledged by Kafka.',
    registers,
  });
  const skipped = new Counter({
    name: 'outbox_already_published_total',
    help: 'Events left out because the topic held them after a take-over.',
    registers,
  });
  const failures = new Counter({
    name: 'outbox_publish_failures_total',
    help: 'Events that a publish did not bring into the topic.',
    labelNames: ['reason'],
    registers,
  });
  const lag = new Histogram({
    name: 'outbox_delivery_lag_seconds',
    help: "From the insert of an event, by the database's clock, to its acknowledgement by Kafka, by the relay's; the commit is in between.",
    buckets: LATENCY_BUCKETS,
    registers,
  });
  return {
    published(events: readonly PendingEvent[]) {
      published.inc(events.length);
      const nowMs = Date.now();
      for (const { createdAt } of events) lag.observe(Math.max(0, nowMs - createdAt.getTime()) / 1000);
    },
    alreadyPublished: (count) => skipped.inc(count),
    failed: (reason) => failures.inc({ reason }),
  };
}

function createLeaseMetrics(registry: Registry): Pick<RelayMetrics, 'leaseMoves' | 'leaseRequestFailures'> {
  const registers = [registry];
  return {
    leaseMoves: new Counter({
      name: 'outbox_relay_lease_moves_total',
      help: 'Partitions that this relay gained, lost or gave back.',
      labelNames: ['move', 'reason'],
      registers,
    }),
    leaseRequestFailures: new Counter({
      name: 'outbox_relay_lease_request_failures_total',
      help: 'Requests for leases that the database refused or did not answer in time; they are tried again.',
      labelNames: ['request'],
      registers,
    }),
  };
}

function createLogCuts(registry: Registry): RelayMetrics['logCuts'] {
  const logCuts = new Counter({
    name: 'outbox_relay_log_cuts_total',
    help: 'Partitions found to have lost events that Kafka had acknowledged, by what is published again.',
    labelNames: ['healed'] as const,
    registers: [registry],
  });
  for (const healed of ['whole', 'partly', 'nothing']) logCuts.inc({ healed }, 0);
  return logCuts;
}

function createParkingMetrics(registry: Registry): Pick<RelayMetrics, 'parked' | 'requeued' | 'replayed'> {
  const registers = [registry];
  const parked = new Counter({
    name: 'outbox_parked_total',
    help: 'Events that were parked instead of published.',
    labelNames: ['reason'] as const,
    registers,
  });
  for (const reason of ['refused', 'behind']) parked.inc({ reason }, 0);
  return {
    parked,
    requeued: new Counter({
      name: 'outbox_requeued_total',
      help: 'Parked events that were published after all.',
      registers,
    }),
    replayed: new Counter({
      name: 'outbox_replayed_total',
      help: 'Events that were published again for an operator.',
      registers,
    }),
  };
}

function createRetentionMetrics(
  registry: Registry,
): Pick<RelayMetrics, 'droppedOutboxPartitions' | 'refusedDrops'> {
  const registers = [registry];
  const refusedDrops = new Counter({
    name: 'outbox_drops_refused_total',
    help: 'Partitions of the outbox table that are old enough to be dropped and were kept.',
    labelNames: ['reason'] as const,
    registers,
  });
  // A counter that appears with its first event has no increase that an alert could see.
  for (const reason of REFUSED_DROPS) refusedDrops.inc({ reason }, 0);
  return {
    droppedOutboxPartitions: new Counter({
      name: 'outbox_partitions_dropped_total',
      help: 'Partitions of the outbox table dropped by the janitor.',
      registers,
    }),
    refusedDrops,
  };
}
