import { createBackoff, type Logger, sleep } from '@order-events/runtime';
import type { Checkpoint } from './checkpoint.ts';
import type { Cursor } from './outbox/cursor.ts';
import { createPageQueue, type PartitionPage } from './page-queue.ts';
import { initialRunState } from './partition-run-state.ts';
import type { PartitionWriter } from './publish/partition-writer.ts';
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
  readonly onClaimed: (claim: Awaited<ReturnType<PartitionWriter['claim']>>) => void;
  readonly onClaimFailed: (error: unknown) => void;
  /** There may be room for another page. */
  readonly onProgress: () => void;
  readonly log: Logger;
}

export interface AttendContext {
  readonly cursor: Cursor;
  readonly signal: AbortSignal;
}

/**
 * - `more`: attend again after the next batch.
 * - `held`: Kafka takes nothing now; attend again after a pause.
 * - `unclaimed`: what was published is not known.
 */
export type AttendResult = 'done' | 'more' | 'held' | 'unclaimed';

/** One partition that this relay owns, from the lease to its end: a worker that does one thing at a time. */
export interface PartitionRun {
  readonly partition: number;
  /** Moves only when everything up to its cursor is published; safe to store at any moment. */
  checkpoint(): Checkpoint;
  /** Where the next read begins; undefined while nothing should be read for the partition. */
  readFrom(): Cursor | undefined;
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
  drain(until: 'acknowledged' | 'window'): Promise<void>;
  /** Gives up what is under way; whether it was published is for the next claim to find out. */
  halt(): void;
  /** Resolves when the worker has ended: after `drain`, or when the lease is lost. */
  readonly ended: Promise<void>;
}

/** Events that go to the publisher in one call; it cuts them into batches. */
const DELIVERY_EVENTS = 400;

export function createPartitionRun(options: PartitionRunOptions): PartitionRun {
  const { partition, writer, lost, log } = options;
  const backoff = createBackoff({ baseMs: 20, maxMs: 1000 });
  const halted = new AbortController();
  const over = AbortSignal.any([lost, halted.signal]);
  let checkpoint = options.checkpoint;
  const queue = createPageQueue(checkpoint.cursor);
  const state = initialRunState();
  const permission = createPermission(options.validity, over);

  /** Everything up to `next` is published. */
  function advance(next: Cursor): void {
    // A window that ends at a target taken after the claim covers all that was published before the claim.
    if (next.page === undefined && next.snapshot !== state.inheritedTarget) writer.forgetLedger();
    checkpoint = { cursor: next, logOffset: writer.logOffset() };
  }

  /** Tries to become the only writer of the partition. */
  async function claim(): Promise<void> {
    // Whatever was read before the claim is read again: only then does the end of a window say that the ledger is done.
    queue.reset(checkpoint.cursor);
    state.inheritedTarget = checkpoint.cursor.page?.target;
    try {
      const claim = await writer.claim(permission());
      state.claimed = true;
      state.claimedAtMs = performance.now();
      state.failing = false;
      state.attentionWanted = true;
      state.attendedSinceClaim = false;
      backoff.reset();
      options.onClaimed(claim);
    } catch (error) {
      if (over.aborted) return;
      options.onClaimFailed(error);
      await sleep(backoff.nextDelayMs(), over);
    }
  }

  async function attend(): Promise<void> {
    state.attentionWanted = false;
    state.attendedLast = true;
    try {
      const result = await options.attend({ cursor: checkpoint.cursor, signal: permission() });
      state.attendedSinceClaim = true;
      if (result === 'unclaimed') state.claimed = false;
      else state.attentionWanted ||= result !== 'done';
      // What was published without the cursor is recorded: the next owner need not look for it.
      if (state.claimed) checkpoint = { cursor: checkpoint.cursor, logOffset: writer.logOffset() };
      if (result === 'held') await sleep(backoff.nextDelayMs(), over);
    } catch (error) {
      state.attentionWanted = true;
      log.warn(
        { reason: String(error), partition },
        'could not look at what operators ask for, trying again',
      );
      await sleep(backoff.nextDelayMs(), over);
    }
  }

  async function deliver(page: PartitionPage): Promise<void> {
    while (!over.aborted) {
      const result = await writer.deliver(page.events, permission());
      if (lost.aborted) return;
      state.failing = result !== 'published';
      if (result === 'published') {
        backoff.reset();
        return advance(page.next);
      }
      if (result === 'unclaimed') {
        state.claimed = false;
        return;
      }
      if (state.draining === 'acknowledged') return;
      await sleep(backoff.nextDelayMs(), over);
    }
  }

  function isDrained(): boolean {
    if (state.draining === 'acknowledged') return true;
    return (
      state.draining === 'window' && state.claimed && queue.isEmpty() && checkpoint.cursor.page === undefined
    );
  }

  /** Does the next thing; waits while there is none. */
  async function step(): Promise<void> {
    state.busy = true;
    if (!state.claimed) return claim();
    // In turn with pages, and successfully before the first of them: an event must not pass parked ones of its key, and the end of a
    // window ends the ledger, which alone knows what a former owner did for operators without recording it.
    const comesFirst = !state.attendedLast || !state.attendedSinceClaim || queue.isEmpty();
    if (state.attentionWanted && comesFirst) return attend();
    state.attendedLast = false;
    const page = queue.take(DELIVERY_EVENTS);
    if (page) return deliver(page);
    state.busy = false;
    await new Promise<void>((resolve) => (state.wake = resolve));
  }

  async function work(): Promise<void> {
    while (!over.aborted && !isDrained()) {
      try {
        await step();
      } catch (error) {
        log.error({ err: error, partition }, 'unexpected; claiming the partition anew');
        state.claimed = false;
        await sleep(backoff.nextDelayMs(), over);
      }
      options.onProgress();
    }
  }

  // Not before the caller has the run in its books.
  const ended = Promise.resolve().then(work);
  over.addEventListener('abort', () => state.wake(), { once: true });

  return {
    partition,
    checkpoint: () => checkpoint,
    queuedBytes: () => queue.bytes(),
    ended,
    readFrom() {
      if (!state.claimed || state.failing || over.aborted || isDrained()) return undefined;
      const cursor = queue.readFrom();
      return state.draining === 'window' && cursor.page === undefined ? undefined : cursor;
    },

    offer(readFrom, page) {
      if (!state.claimed || over.aborted || queue.readFrom() !== readFrom) return;
      if (page.events.length > 0 || state.busy || !queue.isEmpty()) {
        queue.add(page);
      } else {
        queue.reset(page.next);
        advance(page.next);
      }
      state.wake();
    },

    requestAttention() {
      state.attentionWanted = true;
      state.wake();
    },
    renewFence(ageMs) {
      if (!state.claimed || performance.now() - state.claimedAtMs <= ageMs) return;
      state.claimed = false;
      state.wake();
    },

    drain(until) {
      state.draining = until;
      state.wake();
      return ended;
    },

    halt: () => halted.abort(),
  };
}
