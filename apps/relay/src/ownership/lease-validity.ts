/** A deadline that every renewal pushes back, as a signal. */
export interface LeaseValidity {
  /** Aborts at the deadline. What was begun under a signal that aborted stays ended: a later deadline makes a new signal. */
  signal(): AbortSignal;
  /** Moves the deadline, in milliseconds of `performance.now()`. */
  setDeadline(untilMs: number): void;
}

export function createLeaseValidity(): LeaseValidity {
  let controller = new AbortController();
  controller.abort();
  let timer: NodeJS.Timeout | undefined;
  let deadlineMs = 0;
  return {
    signal() {
      // A process that was frozen wakes with its timers still to fire.
      if (performance.now() >= deadlineMs) controller.abort();
      return controller.signal;
    },
    setDeadline(untilMs) {
      if (untilMs === deadlineMs) return;
      // Before the deadline moves: work that outlived the old one must not go on under the new one.
      if (performance.now() >= deadlineMs) controller.abort();
      deadlineMs = untilMs;
      clearTimeout(timer);
      const remainingMs = untilMs - performance.now();
      if (remainingMs <= 0) return controller.abort();
      if (controller.signal.aborted) controller = new AbortController();
      const current = controller;
      timer = setTimeout(() => current.abort(), remainingMs);
      timer.unref();
    },
  };
}
