import type { RetryFigures } from './retry-figures.ts';

export interface RetryPause {
  /** Waits before the next try, longer each time. Resolves early, and never rejects, when `signal` aborts. */
  wait(signal?: AbortSignal): Promise<void>;
  /** Forgets the failures so far. */
  reset(): void;
}

/**
 * Exponential back-off with jitter: a random time between half and all of a bound that doubles with each wait, up to `maxMs`.
 * The jitter keeps clients that lost the same broker from coming back at the same moment. As runtime's `createBackoff`, which this
 * package may not import.
 */
export function createRetryPause({ firstMs, maxMs }: RetryFigures): RetryPause {
  let boundMs = firstMs;
  return {
    async wait(signal) {
      const ms = (boundMs * (1 + Math.random())) / 2;
      boundMs = Math.min(boundMs * 2, maxMs);
      await pause(ms, signal);
    },
    reset() {
      boundMs = firstMs;
    },
  };
}

/** Waits; resolves early, and never rejects, when `signal` aborts. A copy of runtime's `sleep`, since this package imports the domain only. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
