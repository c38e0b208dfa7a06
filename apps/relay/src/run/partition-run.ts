import type { PartitionClaim } from '@order-events/messaging';
import type { Checkpoint, Cursor } from '@order-events/outbox';
import { createBackoff, type Logger, sleep } from '@order-events/runtime';
import {
  createPartitionCompleteness,
  type PartitionCompleteness,
} from '../complete/partition-completeness.ts';
import { nextCheckpoint } from './next-checkpoint.ts';
import { createPageQueue, type PageQueue, type PartitionPage } from './page-queue.ts';
import {
  attended,
  attendFailed,
  attending,
  attentionRequested,
  type AttendResult,
  claimed,
  delivered,
  delivering,
  type DrainUntil,
  drainRequested,
  mayRead,
  nextStep,
  type ReadAhead,
  RUN_AT_START,
  unclaimed,
} from './partition-run-state.ts';
import type { PartitionWriter } from '../publish/partition-writer.ts';
import { createPermission } from './publish-permission.ts';

export interface PartitionRunOptions {
  readonly partition: number;
  readonly checkpoint: Checkpoint;
  readonly writer: PartitionWriter;
  /** Does what operators ask for in this partition, between two batches; rejects when it could not. */
  readonly attend: (context: AttendContext) => Promise<AttendResult>;
  /** Aborts when the lease is lost. */
  readonly lost: AbortSignal;
  /** Aborts when publishing must stop, for want of a lease that is certainly valid; a renewed lease has another signal. */
  readonly validity: () => AbortSignal;
  /** The log has lost its end: gives the partition away with a checkpoint that the log has. Rejects when that must be tried again. */
  readonly heal: (claim: PartitionClaim, checkpoint: Checkpoint, signal: AbortSignal) => Promise<void>;
  readonly onClaimed: (claim: PartitionClaim) => void;
  readonly onClaimFailed: (error: unknown) => void;
  /** There may be room for another page. */
  readonly onProgress: () => void;
  readonly log: Logger;
}

export interface AttendContext {
  readonly cursor: Cursor;
  /**
   * To be called before events are published that the cursor covers: a log that loses them is not healed from a checkpoint that was
   * taken before.
   */
  readonly forgetFormer: () => void;
  readonly signal: AbortSignal;
}

/** One partition that this relay owns, from the lease to its end: a worker that does one thing at a time. */
export interface PartitionRun {
  readonly partition: number;
  /** Moves only when everything up to its cursor is published; safe to store at any moment. */
  checkpoint(): Checkpoint;
  complete: PartitionCompleteness['known'];
  /** Where the next read begins; undefined while nothing should be read for the partition. */
  readFrom(): Cursor | undefined;
  /** Whether an event is parked, as far as the run knows. */
  holdsParked(): boolean;
  /** Bytes of payload that were read ahead. */
  queuedBytes(): number;
  /** Takes what was read from `readFrom`; what was read from elsewhere is out of date and left out. */
  offer(readFrom: Cursor, page: PartitionPage): void;
  /** Looks at what operators ask for, soon. */
  requestAttention(): void;
  /** Makes the broker refuse older owners anew when the claim is older than `ageMs`: it forgets producers after a while. */
  renewFence(ageMs: number): void;
  /**
   * Stops and resolves when nothing is under way and the checkpoint is final: at once, or, with `window`, when the window in
   * progress is worked off. What does not end by itself is ended by `halt`.
   */
  drain(until: DrainUntil): Promise<void>;
  /** Gives up what is under way; whether it was published is for the next claim to find out. */
  halt(): void;
  /** Resolves when the worker has ended: after `drain`, or when the lease is lost. */
  readonly ended: Promise<void>;
}

/** Events that go to the publisher in one call; it cuts them into batches. */
const DELIVERY_EVENTS = 400;

function aheadOf(queue: PageQueue, { cursor }: Checkpoint): ReadAhead {
  return { isEmpty: queue.isEmpty(), isAtWindowEnd: cursor.page === undefined };
}

export function createPartitionRun(options: PartitionRunOptions): PartitionRun {
  const { partition, writer, lost, log } = options;
  const backoff = createBackoff({ baseMs: 20, maxMs: 1000 });
  const halted = new AbortController();
  const over = AbortSignal.any([lost, halted.signal]);
  let checkpoint = options.checkpoint;
  const completeness = createPartitionCompleteness(writer);
  const queue = createPageQueue(checkpoint.cursor);
  const permission = createPermission(options.validity, over);
  const pause = () => sleep(backoff.nextDelayMs(), over);
  let state = RUN_AT_START;
  /** The page that is under way or held. */
  let inHand: PartitionPage | undefined;
  let claimedAtMs = 0;
  /** The target that a former owner was working towards; it may be older than what that owner had published. */
  let inheritedTarget: string | undefined;
  /** While there is nothing to do. */
  let wake: (() => void) | undefined;

  /** Everything up to `next` is published. */
  function advance(next: Cursor): void {
    // A window that ends at a target taken after the claim covers all that was published before the claim.
    if (next.page === undefined && next.snapshot !== inheritedTarget) writer.forgetLedger();
    checkpoint = nextCheckpoint(checkpoint, next, writer, Date.now());
    completeness.advanced(next);
  }

  /** Tries to become the only writer of the partition. */
  async function claim(): Promise<void> {
    // Whatever was read before the claim is read again: only then does the end of a window say that the ledger is done.
    queue.reset(checkpoint.cursor);
    inHand = undefined;
    inheritedTarget = checkpoint.cursor.page?.target;
    try {
      const claim = await writer.claim(permission(), checkpoint.mark);
      if (claim.truncated) {
        await options.heal(claim, checkpoint, permission());
        return halted.abort();
      }
      state = claimed(state);
      checkpoint = nextCheckpoint(checkpoint, checkpoint.cursor, writer, Date.now());
      completeness.claimed(claim.topicId);
      claimedAtMs = performance.now();
      backoff.reset();
      options.onClaimed(claim);
    } catch (error) {
      if (over.aborted) return;
      options.onClaimFailed(error);
      await pause();
    }
  }

  async function attend(): Promise<void> {
    state = attending(state);
    try {
      const result = await options.attend({
        cursor: checkpoint.cursor,
        forgetFormer: () => (checkpoint = { ...checkpoint, history: [] }),
        signal: permission(),
      });
      state = attended(state, result);
      // What was published without the cursor is recorded: the next owner need not look for it.
      if (state.phase !== 'unclaimed') {
        checkpoint = nextCheckpoint(checkpoint, checkpoint.cursor, writer, Date.now());
      }
      if (result === 'held') await pause();
    } catch (error) {
      state = attendFailed(state);
      log.warn({ reason: error, partition }, 'could not look at what operators ask for, trying again');
      await pause();
    }
  }

  async function deliver(page: PartitionPage | undefined): Promise<void> {
    if (!page) return;
    state = delivering(state);
    inHand = page;
    const result = await writer.deliver(page.events, permission());
    if (lost.aborted) return;
    state = delivered(state, result);
    if (result === 'published') {
      inHand = undefined;
      backoff.reset();
      advance(page.next);
    } else if (result === 'held' && state.draining !== 'acknowledged') await pause();
  }

  async function work(): Promise<void> {
    while (!over.aborted) {
      try {
        const step = nextStep(state, aheadOf(queue, checkpoint));
        if (step === 'end') return;
        if (step === 'claim') await claim();
        else if (step === 'attend') await attend();
        else if (step === 'wait') await new Promise<void>((resolve) => (wake = resolve));
        else await deliver(step === 'deliver' ? queue.take(DELIVERY_EVENTS) : inHand);
      } catch (error) {
        log.error({ err: error, partition }, 'unexpected; claiming the partition anew');
        state = unclaimed(state);
        await pause();
      }
      options.onProgress();
    }
  }

  function wakeUp(): void {
    wake?.();
    wake = undefined;
  }

  // Not before the caller has the run in its books.
  const ended = Promise.resolve().then(work);
  over.addEventListener('abort', wakeUp, { once: true });

  return {
    ...{ partition, ended, checkpoint: () => checkpoint, complete: completeness.known },
    ...{ queuedBytes: queue.bytes, holdsParked: () => writer.deliveredTo() === undefined },
    readFrom() {
      const cursor = queue.readFrom();
      return !over.aborted && mayRead(state, aheadOf(queue, checkpoint), cursor.page !== undefined)
        ? cursor
        : undefined;
    },
    offer(readFrom, page) {
      if (state.phase === 'unclaimed' || over.aborted || queue.readFrom() !== readFrom) return;
      if (page.events.length > 0 || !wake || !queue.isEmpty()) {
        queue.add(page);
      } else {
        queue.reset(page.next);
        advance(page.next);
      }
      wakeUp();
    },
    requestAttention() {
      state = attentionRequested(state);
      wakeUp();
    },
    renewFence(ageMs) {
      if (state.phase === 'unclaimed' || performance.now() - claimedAtMs <= ageMs) return;
      state = unclaimed(state);
      wakeUp();
    },
    drain(until) {
      state = drainRequested(state, until);
      // A claim under way would be for nobody: whoever comes next claims for itself.
      if (until === 'acknowledged' && state.phase === 'unclaimed') halted.abort();
      wakeUp();
      return ended;
    },
    halt: () => halted.abort(),
  };
}
