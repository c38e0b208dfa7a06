import type { DeliveryObservation, PartitionObservation } from '@order-events/outbox';

/** The last few minutes of one partition, oldest first. */
export interface PartitionHistory {
  readonly pendingEvents: readonly number[];
  /** Records that the partition of the topic gained, per second. */
  readonly recordsPerSecond: readonly number[];
}

export interface ObservationHistory {
  add(observation: DeliveryObservation): void;
  latest(): DeliveryObservation | undefined;
  partition(partition: number): PartitionHistory;
  /** All partitions together. */
  total(): PartitionHistory;
}

interface Checkpoint {
  readonly logOffset: bigint;
  readonly storedAtMs: number;
}

interface Series {
  readonly pendingEvents: number[];
  readonly recordsPerSecond: number[];
  checkpoint: Checkpoint | undefined;
}

/**
 * Remembers the last observations, so that any relay shows how every partition went, its own or not: the rate comes from the log offsets
 * that the owners store. `maxSamples` bounds it.
 */
export function createObservationHistory(maxSamples: number): ObservationHistory {
  const partitions = new Map<number, Series>();
  const total = emptySeries();
  let latest: DeliveryObservation | undefined;

  function append(series: Series, pendingEvents: number, recordsPerSecond: number): void {
    series.pendingEvents.push(pendingEvents);
    series.recordsPerSecond.push(recordsPerSecond);
    if (series.pendingEvents.length > maxSamples) {
      series.pendingEvents.shift();
      series.recordsPerSecond.shift();
    }
  }

  return {
    add(observation) {
      latest = observation;
      const present = new Set(observation.partitions.map(({ partition }) => partition));
      for (const partition of partitions.keys()) if (!present.has(partition)) partitions.delete(partition);
      let totalRate = 0;
      for (const one of observation.partitions) {
        const series = partitions.get(one.partition) ?? emptySeries();
        partitions.set(one.partition, series);
        const rate = moveCheckpoint(series, one, observation.measuredAtMs);
        append(series, one.pendingEvents, rate);
        totalRate += rate;
      }
      append(total, observation.pendingEvents, totalRate);
    },
    latest: () => latest,
    partition: (partition) => partitions.get(partition) ?? emptySeries(),
    total: () => total,
  };
}

/** Notes the checkpoint and answers with the rate since the one before; 0 when none was stored since, or the log was cut. */
function moveCheckpoint(series: Series, one: PartitionObservation, measuredAtMs: number): number {
  const before = series.checkpoint;
  const now = { logOffset: one.logOffset, storedAtMs: measuredAtMs - one.checkpointAgeSeconds * 1000 };
  if (before && now.logOffset === before.logOffset) return 0;
  series.checkpoint = now;
  if (!before || now.logOffset < before.logOffset) return 0;
  const seconds = Math.max(0.1, (now.storedAtMs - before.storedAtMs) / 1000);
  return Number(now.logOffset - before.logOffset) / seconds;
}

function emptySeries(): Series {
  return { pendingEvents: [], recordsPerSecond: [], checkpoint: undefined };
}
