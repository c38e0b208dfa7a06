import type { AppendResult } from './append-result.ts';
import type { WrittenRecord } from '../wire/record-batch-encoding.ts';

/** Told of one batch what comes of it. None of it may throw. */
export interface BatchObserver {
  /** The attempt that was under way has failed; the same is sent again. */
  retried(error: Error): void;
  /** The last attempt has ended. */
  ended(result: AppendResult): void;
}

/** Told what happens on the way to the log, for metrics and logs. None of it may throw. */
export interface PublishObserver {
  /** The broker has appended a batch; `durationMs` is counted from when it was handed over, retries included. */
  acknowledged?(batch: { partition: number; events: number; bytes: number; durationMs: number }): void;
  /** A batch is handed over. Who wants to know what comes of it answers with an observer; the records stay as they are. */
  handedOver?(partition: number, records: readonly WrittenRecord[]): BatchObserver | undefined;
  /** A batch was not acknowledged and is sent again. */
  retried?(partition: number, error: Error): void;
  /** The broker does not take the time of this clock: batches carry none for a while. Told again with each new try. */
  misdated?(partition: number, reason: string): void;
  /** It takes it again. */
  dated?(): void;
  /** A batch got another offset than the one after its predecessor: somebody else writes, or the log was truncated. */
  unexpectedOffset?(partition: number, offsets: { expected: bigint; found: bigint }): void;
  /** Bytes of all batches that wait for their acknowledgement, at each change. */
  inFlight?(bytes: number): void;
}
