import type { Checkpoint, Lease, LeaseId } from '@order-events/outbox';

/*
 * What one relay owns, and what it does about it: decisions only, no I/O. `nextRequest` says what to ask of the database, one
 * request at a time; each answer, and everything else that happens, is an event (ownership-events.ts) that leads to the next state
 * and to actions. Times are milliseconds of a monotonic clock.
 */

export interface OwnershipTimes {
  readonly leaseMs: number;
  /** Publishing stops this long before the lease ends: a batch on its way may need it. */
  readonly safetyMarginMs: number;
  readonly renewIntervalMs: number;
  /** Time between two looks at the tables, in which free partitions and an operator's wishes are found. */
  readonly lookIntervalMs: number;
  /** How long work under way may take when the relay stops; after as long again the relay ends without its leases given back. */
  readonly drainMs: number;
}

/** `acknowledged`: what was begun is finished · `window`: so is the window that is worked off in pages. */
export type DrainUntil = 'acknowledged' | 'window';

/** Why a partition is given back: others have less · this relay does not reach Kafka · it stops · an operator's wish. */
export type ReleaseReason = 'surplus' | 'cut off' | 'stopping' | 'paused' | 'draining';

export interface Holding {
  readonly epoch: bigint;
  /** Where the last owner stood. */
  readonly inherited: Checkpoint;
  /** From here on nothing of it may be published. */
  readonly validUntilMs: number;
  readonly leaving?: {
    readonly reason: ReleaseReason;
    readonly until: DrainUntil;
    /** Nothing of it is under way any more. */
    readonly drained: boolean;
  };
}

export interface Ownership {
  readonly holdings: ReadonlyMap<number, Holding>;
  /** How long a lease is valid that is acquired now: as long as those of the last renewal. */
  readonly validUntilMs: number;
  readonly renewAtMs: number;
  readonly lookAtMs: number;
  /** Partitions to take with the next request. */
  readonly wanted: number;
  /** It does not reach Kafka, and leaves everything to the relays that do. */
  readonly gaveWay: boolean;
  /** `left`: the other relays do not count on this one any more. */
  readonly stopping?: { readonly sinceMs: number; readonly left: boolean };
}

/** `leaving`: the others need not count on this relay any more. */
export interface ReleaseRequest {
  readonly kind: 'release';
  readonly leases: readonly LeaseId[];
  readonly leaving: boolean;
}

export type OwnershipRequest =
  | { readonly kind: 'renew'; readonly leases: readonly LeaseId[] }
  | { readonly kind: 'look'; readonly leases: readonly LeaseId[] }
  | { readonly kind: 'acquire'; readonly leases: readonly LeaseId[]; readonly limit: number }
  | ReleaseRequest
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'end' };

export type OwnershipAction =
  | { readonly kind: 'gain'; readonly lease: Lease }
  | { readonly kind: 'lose'; readonly partition: number }
  | { readonly kind: 'gaveBack'; readonly partition: number; readonly reason: ReleaseReason }
  | {
      readonly kind: 'drain';
      readonly partition: number;
      readonly epoch: bigint;
      readonly until: DrainUntil;
    };

export const OWNERSHIP_AT_START: Ownership = {
  holdings: new Map(),
  validUntilMs: 0,
  renewAtMs: 0,
  lookAtMs: 0,
  wanted: 0,
  gaveWay: false,
};

/** Whether records of a partition may be sent: its lease lasts for longer than they can be under way. */
export function mayPublish(state: Ownership, partition: number, nowMs: number): boolean {
  const holding = state.holdings.get(partition);
  return holding !== undefined && holding.leaving?.drained !== true && nowMs < holding.validUntilMs;
}

/** The leases that `isMeant` picks, by partition. */
export function leaseIds(
  holdings: ReadonlyMap<number, Holding>,
  isMeant: (holding: Holding) => boolean = () => true,
): LeaseId[] {
  return [...holdings]
    .filter(([, holding]) => isMeant(holding))
    .map(([partition, { epoch }]) => ({ partition, epoch }))
    .sort((a, b) => a.partition - b.partition);
}
