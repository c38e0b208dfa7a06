import { createBackoff, type Logger, sleep } from '@order-events/runtime';
import type { Checkpoint } from '../checkpoint.ts';
import type { Lease, LeaseStore } from './lease-store.ts';

export interface LeaseKeeperOptions {
  readonly store: LeaseStore;
  readonly log: Logger;
  readonly leaseMs: number;
  readonly renewIntervalMs: number;
  /** Publishing stops this long before the lease ends: a batch on its way may need it. */
  readonly safetyMarginMs: number;
  /** A partition became ours. `lost` aborts the moment it is not. */
  readonly onGained: (lease: Lease, lost: AbortSignal) => void;
  /** A partition is not ours any more. */
  readonly onLost: (partition: number) => void;
  /** Where a partition that we own stands, to be stored with the renewal. */
  readonly checkpointOf: (partition: number) => Checkpoint | undefined;
}

export interface LeaseKeeper {
  /** Takes and renews leases until `signal` aborts. Survives the database's absence. */
  run(signal: AbortSignal): Promise<void>;
  /** Gives everything back with its newest checkpoint. */
  release(): Promise<void>;
  /**
   * Aborts when the leases may end before they could be renewed. It is measured by this process's own monotonic clock from before
   * the renewal was sent, so it ends before the database's, also for a process that was frozen. A new renewal makes a new signal.
   */
  validity(): AbortSignal;
  /** Ends the validity now. */
  revoke(): void;
}

interface HeldLease {
  readonly lease: Lease;
  readonly lost: AbortController;
}

export function createLeaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  const { store, log } = options;
  const held = new Map<number, HeldLease>();
  const validity = createValidity(options.leaseMs - options.safetyMarginMs);

  function drop(partition: number, why: string): void {
    const one = held.get(partition);
    if (!held.delete(partition) || !one) return;
    log.warn({ partition, epoch: String(one.lease.epoch) }, why);
    one.lost.abort();
    options.onLost(partition);
  }

  function renewals() {
    return [...held.values()].map(({ lease }) => ({
      partition: lease.partition,
      epoch: lease.epoch,
      checkpoint: options.checkpointOf(lease.partition) ?? lease.checkpoint,
    }));
  }

  async function renewAndAcquire(): Promise<void> {
    const before = performance.now();
    if (held.size > 0) {
      const asked = renewals();
      const ours = await store.renew(asked);
      for (const { partition } of asked) if (!ours.has(partition)) drop(partition, 'lost the lease');
    }
    const gained = await store.acquireFree();
    // Also a lease of our own that ran out comes back this way: with a new epoch, so everything starts anew.
    for (const lease of gained) drop(lease.partition, 'the lease had run out');
    validity.extend(before);
    for (const lease of gained) {
      const lost = new AbortController();
      held.set(lease.partition, { lease, lost });
      options.onGained(lease, lost.signal);
    }
    if (gained.length > 0) log.info({ partitions: gained.map((lease) => lease.partition) }, 'took over');
  }

  return {
    validity: () => validity.signal(),
    revoke: () => validity.revoke(),
    async run(signal) {
      const backoff = createBackoff({ baseMs: 100, maxMs: options.renewIntervalMs });
      while (!signal.aborted) {
        try {
          await renewAndAcquire();
          backoff.reset();
          await sleep(options.renewIntervalMs, signal);
        } catch (error) {
          log.warn({ reason: String(error) }, 'could not renew the leases');
          await sleep(backoff.nextDelayMs(), signal);
        }
      }
    },
    async release() {
      const last = renewals();
      held.clear();
      if (last.length > 0) await store.release(last);
    },
  };
}

/** A deadline that every renewal pushes back, as a signal. */
function createValidity(validMs: number): {
  signal(): AbortSignal;
  extend(fromMs: number): void;
  revoke(): void;
} {
  let controller = new AbortController();
  controller.abort();
  let timer: NodeJS.Timeout | undefined;
  let untilMs = 0;
  return {
    signal() {
      // A process that was frozen wakes with its timers still to fire.
      if (performance.now() >= untilMs) controller.abort();
      return controller.signal;
    },
    extend(fromMs) {
      untilMs = fromMs + validMs;
      const remainingMs = untilMs - performance.now();
      if (remainingMs <= 0) return;
      clearTimeout(timer);
      if (controller.signal.aborted) controller = new AbortController();
      const current = controller;
      timer = setTimeout(() => current.abort(), remainingMs);
      timer.unref();
    },
    revoke() {
      untilMs = 0;
      controller.abort();
    },
  };
}
