import { StreamError, type StreamErrorReason } from './stream-error.ts';
import {
  createRegisteredWatch,
  type NewWatch,
  type RegisteredWatch,
  type WatchState,
} from './registered-watch.ts';
import { createRequestMemory, type KeptRequest } from './request-memory.ts';
import { createWatchCounts, type WatchLimits } from './watch-limits.ts';

/** The streams of this process. */
export interface WatchRegistry {
  /** Throws a StreamError when there are too many, or no room for its request. */
  add(watch: NewWatch): RegisteredWatch;
  remove(watch: RegisteredWatch): void;
  /** In the order of their start. */
  list(): Iterable<RegisteredWatch>;
  find(id: string): RegisteredWatch | undefined;
  /** Ends a stream from outside of its loop, and whatever that waits for. Its client gets the error with the token to resume with. */
  end(
    watch: RegisteredWatch,
    reason: StreamErrorReason,
    message: string,
    details?: StreamError['details'],
  ): void;
  size(): number;
  /** Memory that their requests take, about. */
  requestBytes(): number;
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

export interface WatchRegistryOptions {
  readonly limits: WatchLimits;
  /** Must wake the streams. */
  readonly onDrain: () => void;
  /** A limit has not let a stream in. */
  readonly onRefused: (reason: StreamErrorReason) => void;
  /** A stream was ended from outside of its loop. */
  readonly onEnded: (reason: StreamErrorReason) => void;
}

export function createWatchRegistry(options: WatchRegistryOptions): WatchRegistry {
  const counts = createWatchCounts(options.limits);
  const requests = createRequestMemory(options.limits.requestBytes);
  const watches = new Map<string, RegisteredWatch>();
  let drainWindowMs: number | undefined;
  let onEmpty: (() => void)[] = [];

  /** Counts it and what it asks for; counts nothing when it is refused. */
  function letIn({ peer, caller, filter, otherBytes }: NewWatch): KeptRequest {
    const tooMany = counts.enter(peer, caller?.principal.subject);
    try {
      if (tooMany) throw tooMany;
      return requests.keep(filter, otherBytes);
    } catch (error: unknown) {
      if (!tooMany) counts.leave(peer, caller?.principal.subject);
      if (error instanceof StreamError) options.onRefused(error.reason);
      throw error;
    }
  }

  return {
    add(opening) {
      const watch = createRegisteredWatch(opening, letIn(opening));
      watches.set(watch.id, watch);
      return watch;
    },

    remove(watch) {
      if (!watches.delete(watch.id)) return;
      counts.leave(watch.peer, watch.caller?.principal.subject);
      watch.request.release();
      if (watches.size > 0) return;
      for (const resolve of onEmpty) resolve();
      onEmpty = [];
    },

    list: () => watches.values(),
    find: (id) => watches.get(id),

    end(watch, reason, message, details = {}) {
      if (watch.endedBy) return;
      const token = watch.handedOverToken();
      watch.endedBy = new StreamError(reason, message, {
        details: { ...details, ...(token === undefined ? {} : { resume_token: token }) },
      });
      watch.wire.end(watch.endedBy);
      options.onEnded(reason);
    },

    size: () => watches.size,
    requestBytes: () => requests.sizeBytes(),

    countByState() {
      const states = { waiting: 0, 'catching up': 0, live: 0, blocked: 0 };
      for (const watch of watches.values()) {
        states[watch.blockedSinceMs() === undefined ? watch.state : 'blocked'] += 1;
      }
      return states;
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
