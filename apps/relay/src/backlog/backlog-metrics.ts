import type { DeliveryObservation } from '@order-events/outbox';
import { Gauge, type Registry } from 'prom-client';

/** Takes what was measured, and tells how old it is. */
export interface BacklogMetrics {
  observed(observation: DeliveryObservation): void;
}

/**
 * Gauges of what only the database knows. Every relay measures all of it, owner or not: aggregate them by `max`, not by `sum`.
 * When the database is away they keep their last values and `outbox_measurement_age_seconds` grows.
 */
export function createBacklogMetrics(registry: Registry): BacklogMetrics {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const perPartition = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['partition'], registers: [registry] });
  const gauges = {
    pending: gauge(
      'outbox_pending_events',
      'Committed events that no stored checkpoint covers yet; checkpoints are up to a second old.',
    ),
    oldest: gauge('outbox_oldest_pending_age_seconds', 'Age of the oldest of them; 0 when there is none.'),
    estimated: gauge(
      'outbox_pending_events_estimated',
      '1 when counting stopped at its limit and the rest of outbox_pending_events is estimated.',
    ),
    partitionPending: perPartition('outbox_partition_pending_events', 'The same for one partition.'),
    partitionOldest: perPartition(
      'outbox_partition_oldest_pending_age_seconds',
      'The same for one partition.',
    ),
    checkpointAge: perPartition(
      'outbox_partition_checkpoint_age_seconds',
      'Since the checkpoint of a partition was stored.',
    ),
    unowned: gauge('outbox_partitions_unowned', 'Partitions that run and have no owner with a valid lease.'),
    notRunning: gauge('outbox_partitions_not_running', 'Partitions that are paused or draining.'),
    relays: gauge(
      'outbox_relays_alive',
      'Relays that own a partition or have sent a heartbeat within the duration of a lease.',
    ),
    parkedEvents: gauge('outbox_parked_events', 'Events that wait for an operator.'),
    parkedKeys: gauge('outbox_parked_keys', 'Keys whose events wait for an operator.'),
    replays: gauge('outbox_replays_running', "Operators' replays that are not finished."),
    writeTransaction: gauge(
      'outbox_oldest_write_transaction_age_seconds',
      'Age of the oldest open transaction that has written anything, prepared ones included. Delays only its own events, and the dropping of old outbox partitions.',
    ),
  };
  let measuredAtMs = performance.now();
  measurementAge(registry, () => measuredAtMs);
  return {
    observed(observation) {
      measuredAtMs = observation.measuredAtMs;
      const { partitions, openTransactions } = observation;
      gauges.pending.set(observation.pendingEvents);
      gauges.oldest.set(observation.oldestPendingAgeSeconds);
      gauges.estimated.set(observation.estimated ? 1 : 0);
      gauges.unowned.set(partitions.filter((one) => one.mode === 'running' && !one.owned).length);
      gauges.notRunning.set(partitions.filter((one) => one.mode !== 'running').length);
      gauges.relays.set(observation.relays.length);
      gauges.parkedEvents.set(observation.parkedEvents);
      gauges.parkedKeys.set(observation.parkedKeys);
      gauges.replays.set(observation.replays.length);
      gauges.writeTransaction.set(openTransactions[0]?.ageSeconds ?? 0);
      for (const one of partitions) {
        const labels = { partition: one.partition };
        gauges.partitionPending.set(labels, one.pendingEvents);
        gauges.partitionOldest.set(labels, one.oldestPendingAgeSeconds);
        gauges.checkpointAge.set(labels, one.checkpointAgeSeconds);
      }
    },
  };
}

function measurementAge(registry: Registry, measuredAtMs: () => number): void {
  new Gauge({
    name: 'outbox_measurement_age_seconds',
    help: 'Since the gauges that need the database were measured.',
    registers: [registry],
    collect() {
      this.set((performance.now() - measuredAtMs()) / 1000);
    },
  });
}
