import type { BacklogObservation, PartitionObservation } from '../src/outbox/backlog-observation.ts';

/** An observation of a system where nothing happens. */
export function observationOf(fields: Partial<BacklogObservation> = {}): BacklogObservation {
  return {
    measuredAtMs: performance.now(),
    pendingEvents: 0,
    oldestPendingAgeSeconds: 0,
    estimated: false,
    partitions: [partitionOf()],
    relays: [],
    openTransactions: [],
    replays: [],
    ...fields,
  };
}

/** A partition that is owned and has nothing to do. */
export function partitionOf(fields: Partial<PartitionObservation> = {}): PartitionObservation {
  return {
    partition: 0,
    owner: 'relay-1',
    owned: true,
    epoch: 1n,
    mode: 'running',
    paging: false,
    checkpointAgeSeconds: 0.5,
    logOffset: 0n,
    pendingEvents: 0,
    oldestPendingAgeSeconds: 0,
    parkedEvents: 0,
    parkedKeys: 0,
    ...fields,
  };
}
