/** Wakes many sleepers, each at its time, with one timer: those that are due at about the same time together. */
export interface AlarmClock<Sleeper> {
  /** Unless one is set that comes sooner: who is woken too early sets it again. Times are of the monotonic clock. */
  set(sleeper: Sleeper, atMs: number): void;
  forget(sleeper: Sleeper): void;
}

/** An alarm may be late by this part of the time that is left, and by so much at most. */
const LATE_SHARE = 1 / 100;
const MAX_LATE_MS = 64;

/** `wake` is given all that are due. */
export function createAlarmClock<Sleeper>(wake: (due: readonly Sleeper[]) => void): AlarmClock<Sleeper> {
  const alarms = new Map<Sleeper, number>();
  const sleepers = new Map<number, Set<Sleeper>>();
  let timer: NodeJS.Timeout | undefined;
  let timerAtMs = Number.POSITIVE_INFINITY;

  function start(atMs: number): void {
    clearTimeout(timer);
    timerAtMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    // Timers count whole milliseconds of a clock that is behind: without one more they run down too early, and again.
    timer = setTimeout(ring, Math.max(0, atMs - performance.now()) + 1);
  }

  function ring(): void {
    const nowMs = performance.now();
    const due = [...sleepers].filter(([atMs]) => atMs <= nowMs).flatMap(([, some]) => [...some]);
    due.forEach(remove);
    start(Math.min(Number.POSITIVE_INFINITY, ...sleepers.keys()));
    wake(due);
  }

  function remove(sleeper: Sleeper): void {
    const atMs = alarms.get(sleeper);
    if (atMs === undefined) return;
    alarms.delete(sleeper);
    const others = sleepers.get(atMs);
    others?.delete(sleeper);
    if (others?.size === 0) sleepers.delete(atMs);
  }

  return {
    set(sleeper, wantedMs) {
      const atMs = roundUp(wantedMs, wantedMs - performance.now());
      if (atMs >= (alarms.get(sleeper) ?? Number.POSITIVE_INFINITY)) return;
      remove(sleeper);
      alarms.set(sleeper, atMs);
      const others = sleepers.get(atMs);
      if (others) others.add(sleeper);
      else sleepers.set(atMs, new Set([sleeper]));
      if (atMs < timerAtMs) start(atMs);
    },
    forget(sleeper) {
      remove(sleeper);
      // Nothing is left that the process would have to live for.
      if (alarms.size === 0) start(Number.POSITIVE_INFINITY);
    },
  };
}

/** To a multiple of a power of two, so that the times that are used are few. */
function roundUp(atMs: number, leftMs: number): number {
  const lateMs = Math.max(1, Math.min(MAX_LATE_MS, leftMs * LATE_SHARE));
  const stepMs = 2 ** Math.floor(Math.log2(lateMs));
  return Math.ceil(atMs / stepMs) * stepMs;
}
