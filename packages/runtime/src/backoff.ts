export interface Backoff {
  /** Delay before the next try, in milliseconds; grows with each call. */
  nextDelayMs(): number;
  /** Forgets the failures so far. */
  reset(): void;
}

/**
 * Exponential back-off with jitter: a random delay between half and all of a bound that doubles up to `maxMs`.
 * The jitter keeps processes that failed together from coming back together.
 */
export function createBackoff(options: {
  baseMs: number;
  maxMs: number;
  /** 0 ≤ n < 1; for tests. */
  random?: () => number;
}): Backoff {
  const random = options.random ?? Math.random;
  let failures = 0;
  return {
    nextDelayMs() {
      // 2 ** 30 is beyond every bound in use; without the cap the exponent would overflow after days of failing.
      const boundMs = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(failures, 30));
      failures += 1;
      return Math.ceil(boundMs / 2 + (random() * boundMs) / 2);
    },
    reset() {
      failures = 0;
    },
  };
}
