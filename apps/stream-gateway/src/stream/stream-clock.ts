/** Tells when a stream has something to do though nothing has changed. All times are on the monotonic clock. */
export interface StreamClock {
  /** Something is sent now. */
  sent(): void;
  /** All that is due by now is being seen to. */
  looks(): void;
  isSilentFor(ms: number): boolean;
  /** Until the first of `timesMs`, or until nothing was sent for `heartbeatMs`. */
  waitMs(heartbeatMs: number, timesMs: readonly number[]): number;
}

export function createStreamClock(): StreamClock {
  let lastSentMs = performance.now();
  let lookedAtMs = lastSentMs;
  return {
    sent() {
      lastSentMs = performance.now();
    },
    looks() {
      lookedAtMs = performance.now();
    },
    isSilentFor: (ms) => performance.now() - lastSentMs >= ms,
    waitMs(heartbeatMs, timesMs) {
      // Those before the look have been seen to, however long ago they were; one that has come since, by a little, has perhaps not.
      const ahead = [lastSentMs + heartbeatMs, ...timesMs].filter((atMs) => atMs > lookedAtMs);
      return Math.max(0, Math.min(...ahead) - performance.now());
    },
  };
}
