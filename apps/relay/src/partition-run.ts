import { type Backoff, createBackoff } from '@order-events/runtime';
import type { Checkpoint } from './checkpoint.ts';
import type { Cursor } from './outbox/cursor.ts';
import type { PartitionWriter } from './publish/partition-writer.ts';

/**
 * What the relay knows about one partition that it owns.
 * `claiming`: becoming its only writer · `idle`: may be read · `busy`: a page is on its way, or waits to be tried again.
 */
export interface PartitionRun {
  readonly partition: number;
  readonly writer: PartitionWriter;
  /** Aborts when the lease is lost. */
  readonly lost: AbortSignal;
  readonly backoff: Backoff;
  state: 'claiming' | 'idle' | 'busy';
  /** Moves only when everything up to its cursor is published; safe to store at any moment. */
  checkpoint: Checkpoint;
  /** The target that a former owner was working towards; it may be older than what that owner had published. */
  inheritedTarget: string | undefined;
}

export function createPartitionRun(options: {
  partition: number;
  writer: PartitionWriter;
  lost: AbortSignal;
  checkpoint: Checkpoint;
}): PartitionRun {
  return {
    ...options,
    backoff: createBackoff({ baseMs: 20, maxMs: 1000 }),
    state: 'claiming',
    inheritedTarget: undefined,
  };
}

/** Everything up to `next` is published. */
export function advance(run: PartitionRun, next: Cursor): void {
  // A window that ends at a target taken after the claim covers all that was published before the claim.
  const windowDone = next.page === undefined && next.snapshot !== run.inheritedTarget;
  if (windowDone) run.writer.forgetLedger();
  run.checkpoint = { cursor: next, logOffset: run.writer.logOffset() };
  run.state = 'idle';
}

/** Older owners are fenced and the ledger is known. */
export function claimed(run: PartitionRun): void {
  run.inheritedTarget = run.checkpoint.cursor.page?.target;
  run.backoff.reset();
  run.state = 'idle';
}
