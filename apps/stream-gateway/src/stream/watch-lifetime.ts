/** Why the server ends a stream that could go on. */
export type EndReason = 'DRAINING' | 'WATCH_AGE_REACHED';

/** Decides when the server ends a stream: it says so first, and ends it when the client may have gone by itself. */
export interface WatchLifetime {
  /** What is due, once each. */
  due(nowMs: number): { readonly announceMs: number } | { readonly end: EndReason } | undefined;
  /** When to ask again, at the latest. */
  nextAtMs(): number;
}

/** Ages differ by up to this part of the maximum, so that streams that began together do not end together. */
const AGE_JITTER = 0.1;

/** `drainWindowMs` answers over which time all streams end, and undefined while the process does not stop. */
export function createWatchLifetime(options: {
  startedAtMs: number;
  maxAgeMs: number;
  drainWindowMs: () => number | undefined;
}): WatchLifetime {
  const ageAtMs = options.startedAtMs + options.maxAgeMs * (1 - AGE_JITTER * Math.random());
  let ending: { reason: EndReason; atMs: number } | undefined;
  return {
    due(nowMs) {
      if (ending) return nowMs >= ending.atMs ? { end: ending.reason } : undefined;
      const windowMs = options.drainWindowMs();
      if (windowMs !== undefined) {
        const announceMs = Math.round(windowMs * Math.random());
        ending = { reason: 'DRAINING', atMs: nowMs + announceMs };
        return { announceMs };
      }
      if (nowMs < ageAtMs) return undefined;
      ending = { reason: 'WATCH_AGE_REACHED', atMs: nowMs };
      return { announceMs: 0 };
    },
    nextAtMs: () => ending?.atMs ?? ageAtMs,
  };
}
