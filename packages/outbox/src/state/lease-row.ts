import { checkpointArrays, type CheckpointColumns, storedCheckpoint } from './checkpoint-row.ts';
import type { AcquiredLease, LeaseRenewal, OwnershipView, PartitionMode } from './lease.ts';

/** The answer of a renewal or a look. */
export interface ViewRow {
  ours: readonly { partition: number; mode: string }[];
  locked: readonly number[];
  others: number;
  rank: number;
  steady: number;
  untold: number;
  available: number;
  free: number;
}

export interface AcquiredRow extends CheckpointColumns {
  partition: number;
  epoch: string | bigint;
  mode: string;
}

export function ownershipView([row]: readonly ViewRow[]): OwnershipView {
  if (!row) throw new Error('the tables of the relay gave no answer');
  const { ours, locked, others, rank, steady, untold, available, free } = row;
  const counts = { others, rank, steady, untold, available, free };
  for (const [name, count] of Object.entries(counts)) {
    if (!Number.isSafeInteger(count) || count < 0) throw new Error(`not a count: ${name} ${count}`);
  }
  return {
    ours: ours.map(({ partition, mode }) => ({ partition, mode: partitionMode(mode) })),
    locked,
    relays: others + 1,
    rank,
    steady,
    untold,
    available,
    free,
  };
}

export function acquiredLease(row: AcquiredRow): AcquiredLease {
  return {
    partition: row.partition,
    epoch: BigInt(row.epoch),
    mode: partitionMode(row.mode),
    checkpoint: storedCheckpoint(row),
  };
}

/** A mode that this version does not know was set by a newer one: nothing is published until it is running again. */
function partitionMode(text: string): PartitionMode {
  return text === 'running' || text === 'draining' ? text : 'paused';
}

/** Arrays for `unnest`, in the order of `HELD`. */
export function checkpointColumns(renewals: readonly LeaseRenewal[]): unknown[] {
  return [
    renewals.map((renewal) => renewal.partition),
    renewals.map((renewal) => renewal.epoch),
    ...checkpointArrays(renewals.map((renewal) => renewal.checkpoint)),
  ];
}
