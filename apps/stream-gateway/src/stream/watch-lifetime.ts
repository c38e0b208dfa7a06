import type { StreamSignal } from './stream-signal.ts';

/** Why the server ends a stream that could go on. */
export type EndReason = 'DRAINING' | 'WATCH_AGE_REACHED';

/** A stream ends after `announceMs`, or now, or the token that it was opened with expires after `expiresMs`. */
export type LifetimeNotice =
  { readonly announceMs: number } | { readonly end: EndReason } | { readonly expiresMs: number };

/** What the client is told of it; undefined of the end, which is an error. */
export function lifetimeSignal(notice: LifetimeNotice): StreamSignal | undefined {
  if ('announceMs' in notice) return { kind: 'draining', reconnectDelayMs: notice.announceMs };
  if ('expiresMs' in notice) return { kind: 'access expiring', remainingMs: notice.expiresMs };
  return undefined;
}

/** Decides when the server ends a stream: it says so first, and ends it when the client may have gone by itself. */
export interface WatchLifetime {
  /** What is due, once each. */
  due(nowMs: number): LifetimeNotice | undefined;
  /** When to ask again, at the latest. */
  nextAtMs(): number;
}

/** Ages differ by up to this part of the maximum, so that streams that began together do not end together. */
const AGE_JITTER = 0.1;
/** The end of a token is told so long before, of short ones in the last part of the time that is left. */
const EXPIRY_TOLD_MS = 60_000;
const EXPIRY_TOLD_SHARE = 0.2;
/** Who is told later than this gains nothing. */
const MIN_EXPIRY_TOLD_MS = 500;

/**
 * `drainWindowMs` answers over which time all streams end, and undefined while the process does not stop. `expiresAtMs` is the end of the
 * token that the stream was opened with, which is told here; AccessCheck ends the stream.
 */
export function createWatchLifetime(options: {
  startedAtMs: number;
  maxAgeMs: number;
  drainWindowMs: () => number | undefined;
  expiresAtMs?: number | undefined;
}): WatchLifetime {
  const { startedAtMs, expiresAtMs = Number.POSITIVE_INFINITY } = options;
  const toldMs = Math.min(EXPIRY_TOLD_MS, (expiresAtMs - startedAtMs) * EXPIRY_TOLD_SHARE);
  let expiryTellAtMs = toldMs < MIN_EXPIRY_TOLD_MS ? Number.POSITIVE_INFINITY : expiresAtMs - toldMs;
  const ageAtMs = startedAtMs + options.maxAgeMs * (1 - AGE_JITTER * Math.random());
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
      if (nowMs >= expiryTellAtMs) {
        expiryTellAtMs = Number.POSITIVE_INFINITY;
        return { expiresMs: Math.max(0, Math.round(expiresAtMs - nowMs)) };
      }
      if (nowMs < ageAtMs) return undefined;
      ending = { reason: 'WATCH_AGE_REACHED', atMs: nowMs };
      return { announceMs: 0 };
    },
    nextAtMs: () => ending?.atMs ?? Math.min(ageAtMs, expiryTellAtMs),
  };
}
