import {
  CURSOR_AT_START,
  type DeliveryObservation,
  type PartitionObservation,
  type ReplayProgress,
} from '@order-events/outbox';

/** An observation of a system where nothing happens. */
export function observationOf(fields: Partial<DeliveryObservation> = {}): DeliveryObservation {
  return {
    measuredAtMs: performance.now(),
    pendingEvents: 0,
    oldestPendingAgeSeconds: 0,
    estimated: false,
    partitions: [partitionOf()],
    relays: [],
    openTransactions: [],
    replays: [],
    reports: [],
    parkedEvents: 0,
    parkedKeys: 0,
    readOnly: false,
    ...fields,
  };
}

/** A partition that is owned and has nothing to do. */
export function partitionOf(fields: Partial<PartitionObservation> = {}): PartitionObservation {
  return {
    partition: 0,
    owner: 'relay-1',
    owned: true,
    unownedSeconds: 0,
    epoch: 1n,
    mode: 'running',
    cursor: CURSOR_AT_START,
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

/** A replay that is under way. */
export function replayOf(fields: Partial<ReplayProgress> = {}): ReplayProgress {
  return {
    replayId: 'replay-1',
    since: undefined,
    key: 'order-1',
    fromSeq: undefined,
    toSeq: 9n,
    requestedAt: new Date(),
    ageSeconds: 1,
    cancelledAt: undefined,
    publishedEvents: 1,
    partitions: 1,
    unfinishedPartitions: 1,
    finishedAt: undefined,
    ...fields,
  };
}
