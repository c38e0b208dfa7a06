import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { PendingEvent } from './pending-event.ts';
import type { DeliveryObserver } from './publish/partition-writer.ts';

export interface RelayMetrics {
  readonly delivery: DeliveryObserver;
  readonly partitionsOwned: Gauge;
  readonly claims: Counter;
  readonly claimFailures: Counter;
  readonly readFailures: Counter;
  readonly pollDuration: Histogram;
  readonly pendingEvents: Gauge;
  readonly oldestPendingAge: Gauge;
}

/** Names and help texts are what operators see; see the dashboards before changing one. */
export function createRelayMetrics(registry: Registry): RelayMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, registers });

  const published = counter('outbox_published_total', 'Events acknowledged by Kafka.');
  const skipped = counter(
    'outbox_already_published_total',
    'Events left out because the topic held them after a take-over.',
  );
  const failures = counter(
    'outbox_publish_failures_total',
    'Events that a publish did not bring into the topic.',
    ['reason'],
  );
  const lag = histogram(
    'outbox_delivery_lag_seconds',
    'From the insert of an event to its acknowledgement by Kafka.',
    [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600],
  );
  return {
    delivery: {
      published(event: PendingEvent) {
        published.inc();
        lag.observe(Math.max(0, Date.now() - event.createdAt.getTime()) / 1000);
      },
      alreadyPublished: (count) => skipped.inc(count),
      failed: (reason) => failures.inc({ reason }),
    },
    partitionsOwned: gauge('outbox_relay_partitions_owned', 'Partitions that this relay publishes.'),
    claims: counter('outbox_relay_claims_total', 'Partitions fenced and taken over.'),
    claimFailures: counter('outbox_relay_claim_failures_total', 'Claims that failed and were tried again.'),
    readFailures: counter(
      'outbox_relay_read_failures_total',
      'Looks at the outbox that failed and were tried again.',
    ),
    pollDuration: histogram(
      'outbox_relay_poll_duration_seconds',
      'One look at the outbox.',
      [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2],
    ),
    pendingEvents: gauge(
      'outbox_pending_events',
      'Committed events that are not in Kafka yet; counted up to 1,000,000.',
    ),
    oldestPendingAge: gauge(
      'outbox_oldest_pending_age_seconds',
      'Age of the oldest of them; 0 when there is none.',
    ),
  };
}
