import type { Checkpoint, Lease, LeaseId, LeaseRenewal, LeaseStore } from '@order-events/outbox';
import { createBackoff, type Logger, sleep, type WakeSignal, withDeadline } from '@order-events/runtime';
import { kafkaStanding } from './give-way.ts';
import type { KafkaReach } from './kafka-reach.ts';
import { createLeaseValidities } from './lease-validity.ts';
import { nextRequest } from './next-request.ts';
import {
  acquired,
  distrusted,
  drained,
  gaveBack,
  looked,
  notified,
  renewed,
  stopped,
  type Transition,
} from './ownership-events.ts';
import {
  type DrainUntil,
  OWNERSHIP_AT_START,
  type OwnershipAction,
  type OwnershipRequest,
  type OwnershipTimes,
  type ReleaseReason,
} from './ownership-state.ts';

/** What became of a lease; the reason is one of a few fixed words. */
export type LeaseMove =
  | { readonly move: 'gained'; readonly reason: 'acquired' }
  /** It ran out, or was taken over. */
  | { readonly move: 'lost'; readonly reason: 'expired' }
  | { readonly move: 'released'; readonly reason: ReleaseReason };

/** For counting. */
export interface OwnershipObserver {
  moved(partition: number, move: LeaseMove): void;
  /** A request was refused, or not answered in time. */
  requestFailed(kind: DatabaseRequest['kind']): void;
}

export interface LeaseKeeperOptions extends OwnershipTimes {
  readonly store: LeaseStore;
  readonly log: Logger;
  readonly observer: OwnershipObserver;
  /** Woken when the tables may have changed; the keeper waits on it, and nobody else may. */
  readonly changes: WakeSignal;
  /** Whether this relay reaches Kafka now. */
  readonly reach: () => KafkaReach;
  /** It leaves everything to relays that reach Kafka, because it does not; or does so no more. */
  readonly onGaveWay: (gaveWay: boolean) => void;
  /** A partition became ours. `lost` aborts the moment it is not. */
  readonly onGained: (lease: Lease, lost: AbortSignal) => void;
  /** A partition is not ours any more: lost, or given back. Called once for each that was gained. */
  readonly onLost: (partition: number) => void;
  /** After each renewal: whose leases have run out because somebody has locked their rows. */
  readonly onLocked: (partitions: readonly number[]) => void;
  /** Where a partition that we own stands, to be stored with the renewal. */
  readonly checkpointOf: (partition: number) => Checkpoint | undefined;
  /**
   * Finishes what is under way of a partition and begins nothing new: resolves when its checkpoint is final; with `window` only
   * after the window in progress is worked off. Then the partition is given back. May be called again with `acknowledged` while a
   * `window` is waited for. Need not resolve when the partition is lost. Must not reject.
   */
  readonly drain: (partition: number, until: DrainUntil) => Promise<void>;
}

export interface LeaseKeeper {
  /**
   * Takes and renews leases until `signal` aborts, then drains and gives back everything, in 2 × `drainMs` at most: what is left
   * then runs out by itself. Survives the database's absence.
   */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Aborts when the lease of a partition may end before it could be renewed. It is measured by this process's own monotonic clock from
   * before the renewal was sent, so it ends before the database's, also for a process that was frozen. A new renewal makes a new signal.
   */
  validity(partition: number): AbortSignal;
  /** Lets go of everything without storing checkpoints, and takes it again from those that are stored. */
  distrust(): void;
}

type DatabaseRequest = Exclude<OwnershipRequest, { kind: 'wait' | 'end' }>;

/** Carries out what the ownership state machine decides. */
export function createLeaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  const { store, log, observer, changes } = options;
  const losses = new Map<number, AbortController>();
  const validities = createLeaseValidities();
  let state = OWNERSHIP_AT_START;

  function apply(transition: Transition): void {
    if (transition.state.gaveWay !== state.gaveWay) options.onGaveWay(transition.state.gaveWay);
    state = transition.state;
    validities.set(new Map([...state.holdings].map(([partition, one]) => [partition, one.validUntilMs])));
    transition.actions.forEach(perform);
  }

  function perform(action: OwnershipAction): void {
    switch (action.kind) {
      case 'gain': {
        const lost = new AbortController();
        losses.set(action.lease.partition, lost);
        observer.moved(action.lease.partition, { move: 'gained', reason: 'acquired' });
        return options.onGained(action.lease, lost.signal);
      }
      case 'lose':
        log.warn({ partition: action.partition }, 'lost the lease');
        observer.moved(action.partition, { move: 'lost', reason: 'expired' });
        return end(action.partition);
      case 'gaveBack':
        observer.moved(action.partition, { move: 'released', reason: action.reason });
        return end(action.partition);
      case 'drain':
        void drain(action);
    }
  }

  function end(partition: number): void {
    const lost = losses.get(partition);
    // Acquired while stopping: given back without having been begun.
    if (!lost) return;
    losses.delete(partition);
    lost.abort();
    options.onLost(partition);
  }

  async function drain(action: { partition: number; epoch: bigint; until: DrainUntil }): Promise<void> {
    try {
      await options.drain(action.partition, action.until);
      apply(drained(state, action));
      changes.wake();
    } catch (error) {
      // Its lease is renewed no more than the process lives: nobody else may publish what may still be under way.
      log.error({ err: error, partition: action.partition }, 'could not drain the partition');
    }
  }

  function renewalsOf(leases: readonly LeaseId[]): LeaseRenewal[] {
    return leases.flatMap((lease) => {
      const checkpoint =
        options.checkpointOf(lease.partition) ?? state.holdings.get(lease.partition)?.inherited;
      return checkpoint ? [{ ...lease, checkpoint }] : [];
    });
  }

  async function carryOut(request: DatabaseRequest): Promise<void> {
    const reach = options.reach();
    const sent = { ...request, sentAtMs: performance.now(), reach };
    const alive = !state.stopping;
    switch (request.kind) {
      // The state is read when the answer is there: something may have happened meanwhile.
      case 'renew': {
        const view = await inTime(
          store.renew(renewalsOf(request.leases), { alive, kafka: kafkaStanding(state.gaveWay, reach) }),
        );
        apply(renewed(state, options, sent, view));
        return options.onLocked(view.locked.filter((partition) => validities.signal(partition).aborted));
      }
      case 'look': {
        const view = await inTime(store.look(request.leases));
        return apply(looked(state, options, sent, view));
      }
      case 'acquire': {
        const leases = await inTime(store.acquire(request.limit, request.leases));
        const partitions = leases.map((lease) => lease.partition);
        if (leases.length > 0) log.info({ partitions }, 'took over');
        return apply(acquired(state, leases));
      }
      case 'release': {
        const released = await inTime(store.release(renewalsOf(request.leases), request));
        if (released.size > 0) log.info({ partitions: [...released] }, 'gave back');
        return apply(gaveBack(state, request, released));
      }
    }
  }

  /**
   * An answer that comes later is not heard, and its request may still reach the database: it renews or stores nothing newer than
   * what came after it, and partitions acquired by it are found by a look.
   */
  function inTime<T>(answer: Promise<T>): Promise<T> {
    return withDeadline(answer, options.renewIntervalMs, 'the database did not answer');
  }

  return {
    validity: (partition) => validities.signal(partition),
    distrust() {
      apply(distrusted(state));
      changes.wake();
    },
    async run(signal) {
      const onStop = () => {
        apply(stopped(state, options, performance.now()));
        changes.wake();
      };
      signal.addEventListener('abort', onStop, { once: true });
      if (signal.aborted) onStop();
      const backoff = createBackoff({ baseMs: 50, maxMs: options.renewIntervalMs });
      for (;;) {
        const nowMs = performance.now();
        const request = nextRequest(state, options, nowMs);
        if (request.kind === 'end') break;
        if (request.kind === 'wait') {
          const woken = await changes.wait(request.untilMs - nowMs, NEVER);
          if (woken) state = notified(state);
          continue;
        }
        try {
          await carryOut(request);
          backoff.reset();
        } catch (error) {
          observer.requestFailed(request.kind);
          log.warn({ reason: error, request: request.kind }, FAILED[request.kind]);
          await sleep(backoff.nextDelayMs(), state.stopping ? undefined : signal);
        }
      }
      if (state.holdings.size > 0) {
        log.warn('could not give back all leases; they run out by themselves');
      }
      if (state.gaveWay) options.onGaveWay(false);
      validities.set(new Map());
      for (const partition of losses.keys()) end(partition);
    },
  };
}

const FAILED: Record<DatabaseRequest['kind'], string> = {
  renew: 'could not renew the leases',
  look: 'could not look who owns what',
  acquire: 'could not take free partitions',
  release: 'could not give back partitions',
};

const NEVER = new AbortController().signal;
