/** How long reading is to be held back because streams have come, so that those that come together begin together. */
export interface NewcomerPause {
  /** A stream has come. */
  came(): void;
  isOver(): boolean;
}

/** After the last one that has come: so long for each that came shortly before it. The loop takes one new connection in each turn. */
const PAUSE_MS_PER_STREAM = 5;
const MAX_PAUSE_MS = 500;
const SHORTLY_MS = 2_000;
/** In any minute, however many come. */
const MAX_PAUSED_MS = 15_000;
const MINUTE_MS = 60_000;

export function createNewcomerPause(): NewcomerPause {
  let [untilMs, lastCameMs, streams] = [0, Number.NEGATIVE_INFINITY, 0];
  let [minuteBeganMs, pausedMs] = [Number.NEGATIVE_INFINITY, 0];
  return {
    came() {
      const nowMs = performance.now();
      if (nowMs - minuteBeganMs >= MINUTE_MS) [minuteBeganMs, pausedMs] = [nowMs, 0];
      streams = nowMs - lastCameMs < SHORTLY_MS ? streams + 1 : 1;
      lastCameMs = nowMs;
      const leftMs = Math.max(0, untilMs - nowMs);
      const pauseMs = Math.min(streams * PAUSE_MS_PER_STREAM, MAX_PAUSE_MS);
      const addedMs = Math.max(0, Math.min(pauseMs - leftMs, MAX_PAUSED_MS - pausedMs));
      untilMs = nowMs + leftMs + addedMs;
      pausedMs += addedMs;
    },
    isOver: () => performance.now() >= untilMs,
  };
}
