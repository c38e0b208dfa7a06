import type { Checkpoint } from '../checkpoint.ts';

/** What an operator wants of a partition; see the comment on relay_partition.mode. */
export type PartitionMode = 'running' | 'draining' | 'paused';

/** The right to publish to one partition. `epoch` grows with each owner. */
export interface Lease {
  readonly partition: number;
  readonly epoch: bigint;
  readonly checkpoint: Checkpoint;
}

/** One of our leases, as it was when the request went out. */
export interface LeaseId {
  readonly partition: number;
  readonly epoch: bigint;
}

/** What a renewal or a release stores for one partition. */
export type LeaseRenewal = Lease;

/** A lease as it was taken. */
export interface AcquiredLease extends Lease {
  readonly mode: PartitionMode;
}

/** What a relay tells the others; `gave way`: it does not reach Kafka, and has left its partitions to those that do. */
export type KafkaStanding = 'steady' | 'unsteady' | 'gave way';

/** The tables as one relay sees them. */
export interface OwnershipView {
  /** Which of the leases that were asked about are still ours. */
  readonly ours: readonly { readonly partition: number; readonly mode: PartitionMode }[];
  /** Those of them that were to be renewed and were not, because somebody has locked their rows: what was is what counts. */
  readonly locked: readonly number[];
  /** Relays that are alive and have not given way, and this one. */
  readonly relays: number;
  /** This relay's place among them when they are ordered by id, from 0. */
  readonly rank: number;
  /** Others that are alive and reach Kafka steadily. */
  readonly steady: number;
  /** Others that are alive and do not tell whether they reach Kafka: of the version before. */
  readonly untold: number;
  /** Partitions that may be owned, whether somebody owns them or not. */
  readonly available: number;
  /** Those of them that this relay could take now. */
  readonly free: number;
}
