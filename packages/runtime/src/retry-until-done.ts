import { createBackoff } from './backoff.ts';
import { sleep } from './sleep.ts';

export interface RetryOptions {
  readonly signal: AbortSignal;
  /** Bounds of the jittered pause, which doubles with each failure. */
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly onFailure: (error: unknown, retryDelayMs: number) => void;
}

/** Tries `work` until it resolves, and answers what it resolved with. Rejects when `signal` aborts first. */
export async function retryUntilDone<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal, minDelayMs, maxDelayMs, onFailure } = options;
  const backoff = createBackoff({ baseMs: minDelayMs, maxMs: maxDelayMs });
  for (;;) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      const retryDelayMs = backoff.nextDelayMs();
      onFailure(error, retryDelayMs);
      await sleep(retryDelayMs, signal);
    }
  }
}
