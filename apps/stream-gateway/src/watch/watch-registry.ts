import { randomUUID } from 'node:crypto';
import { StreamError } from '../stream-error.ts';

/** `waiting`: has no place in the log yet; `catching up`: is reading older events; `live`: has reached the end of the log. */
export type WatchState = 'waiting' | 'catching up' | 'live';

/** One stream, while it is open. */
export interface RegisteredWatch {
  readonly id: string;
  readonly peer: string;
  state: WatchState;
  /** Since when a message has been waiting for the client to take it, on the monotonic clock. */
  writingSinceMs: number | undefined;
}

/** The streams of this process. */
export interface WatchRegistry {
  /** Throws a StreamError when there are too many. */
  add(peer: string): RegisteredWatch;
  remove(watch: RegisteredWatch): void;
  size(): number;
  /** How many streams are in which state; a stream whose client takes nothing counts as `blocked`. */
  countByState(): Record<WatchState | 'blocked', number>;
  /** Asks all streams to end, spread over a time that grows with their number up to `maxWindowMs`. */
  drain(maxWindowMs: number): void;
  /** The time over which streams end; undefined while nobody has asked them to. */
  drainWindowMs(): number | undefined;
  /** Resolves when there is no stream. */
  whenEmpty(): Promise<void>;
}

/** So many clients come back to other replicas each second while this one drains. */
const DRAINED_PER_SECOND = 100;
const BLOCKED_AFTER_MS = 1_000;

/** `onDrain` must wake the streams. */
export function createWatchRegistry(options: { maxWatches: number; onDrain: () => void }): WatchRegistry {
  const watches = new Set<RegisteredWatch>();
  let drainWindowMs: number | undefined;
  let onEmpty: (() => void)[] = [];

  return {
    add(peer) {
      if (watches.size >= options.maxWatches) {
        throw new StreamError(
          'TOO_MANY_WATCHERS',
          `this server has ${options.maxWatches} streams, its limit: try another one, or later`,
        );
      }
      const watch: RegisteredWatch = {
        id: randomUUID(),
        peer,
        state: 'waiting',
        writingSinceMs: undefined,
      };
      watches.add(watch);
      return watch;
    },

    remove(watch) {
      watches.delete(watch);
      if (watches.size > 0) return;
      for (const resolve of onEmpty) resolve();
      onEmpty = [];
    },

    size: () => watches.size,

    countByState() {
      const counts = { waiting: 0, 'catching up': 0, live: 0, blocked: 0 };
      const blockedBeforeMs = performance.now() - BLOCKED_AFTER_MS;
      for (const { state, writingSinceMs } of watches) {
        const isBlocked = writingSinceMs !== undefined && writingSinceMs < blockedBeforeMs;
        counts[isBlocked ? 'blocked' : state] += 1;
      }
      return counts;
    },

    drain(maxWindowMs) {
      drainWindowMs ??= Math.min(maxWindowMs, (watches.size / DRAINED_PER_SECOND) * 1000);
      options.onDrain();
    },

    drainWindowMs: () => drainWindowMs,

    whenEmpty() {
      if (watches.size === 0) return Promise.resolve();
      return new Promise((resolve) => onEmpty.push(resolve));
    },
  };
}
