import type { RegisteredWatch } from './registered-watch.ts';

export interface SlowLimits {
  /** A client may take nothing for so long. */
  readonly blockedMs: number;
  /** A client may fall further behind for so long. */
  readonly windowMs: number;
  /** Records behind the end of the log, before filtering, up to which nobody is slow. */
  readonly backlogEvents: bigint;
}

/** `blocked`: the client took nothing; `falling behind`: it took less than the log grew by. */
export type SlowCause = 'blocked' | 'falling behind';

/** A stream that must end, why, and what its client is told. */
export interface SlowWatch {
  readonly watch: RegisteredWatch;
  readonly cause: SlowCause;
  readonly message: string;
}

/** Looks at the streams of a process again and again. */
export interface SlowPolicy {
  /** The streams that are too slow by now. Times are of the monotonic clock. */
  look(watches: Iterable<RegisteredWatch>, nowMs: number): SlowWatch[];
}

/** A message that has waited so long waits for the client and not for the turn of this process. */
const HELD_UP_AFTER_MS = 50;

/** What was seen of a stream while it was far behind. */
interface Window {
  readonly startedMs: number;
  readonly backlog: bigint;
  looks: number;
  looksHeldUp: number;
}

/**
 * Lag alone is no reason to end a stream: one that reads old events makes progress, and so does one with a narrow filter. A stream
 * is too slow when its client has taken nothing for `blockedMs`; or when it was behind by more than `backlogEvents` for all of
 * `windowMs`, was waiting for its client most of that time, and has come no nearer to the end of the log.
 */
export function createSlowPolicy(limits: SlowLimits): SlowPolicy {
  const windows = new WeakMap<RegisteredWatch, Window>();

  function isFallingBehind(watch: RegisteredWatch, isHeldUp: boolean, nowMs: number): boolean {
    const known = windows.get(watch);
    // Most streams wait for the log and not for their client: they cost no more than this.
    if (!known && !isHeldUp) return false;
    const backlog = watch.backlog();
    if (backlog <= limits.backlogEvents) {
      windows.delete(watch);
      return false;
    }
    const window = known ?? { startedMs: nowMs, backlog, looks: 0, looksHeldUp: 0 };
    windows.set(watch, window);
    window.looks += 1;
    if (isHeldUp) window.looksHeldUp += 1;
    if (nowMs - window.startedMs < limits.windowMs) return false;
    windows.delete(watch);
    return backlog > window.backlog && window.looksHeldUp * 2 > window.looks;
  }

  function verdict(watch: RegisteredWatch, nowMs: number): Omit<SlowWatch, 'watch'> | undefined {
    const writingSinceMs = watch.wire.writingSinceMs();
    const heldUpMs = writingSinceMs === undefined ? 0 : nowMs - writingSinceMs;
    if (heldUpMs >= limits.blockedMs) {
      const message = `the client has taken nothing for ${limits.blockedMs} ms: go on with the resume token`;
      return { cause: 'blocked', message };
    }
    if (isFallingBehind(watch, heldUpMs >= HELD_UP_AFTER_MS, nowMs)) {
      const message = `the client has fallen further behind for ${limits.windowMs} ms: ask for less, or read faster, from the resume token on`;
      return { cause: 'falling behind', message };
    }
    return undefined;
  }

  return {
    look(watches, nowMs) {
      const slow: SlowWatch[] = [];
      for (const watch of watches) {
        const found = watch.endedBy ? undefined : verdict(watch, nowMs);
        if (found) slow.push({ watch, ...found });
      }
      return slow;
    },
  };
}
