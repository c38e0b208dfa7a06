/** A deadline that every renewal pushes back, as a signal. */
export interface LeaseValidity {
  /** Aborts at the deadline. What was begun under a signal that aborted stays ended: a later deadline makes a new signal. */
  signal(): AbortSignal;
  /** Moves the deadline, in milliseconds of `performance.now()`. */
  setDeadline(untilMs: number): void;
}

/** A deadline for each partition that is held. */
export interface LeaseValidities {
  /** Of a partition that is not held it is aborted. */
  signal(partition: number): AbortSignal;
  /** Moves all deadlines, and ends those of partitions that are not named. */
  set(deadlines: ReadonlyMap<number, number>): void;
}

export function createLeaseValidities(): LeaseValidities {
  const held = new Map<number, LeaseValidity>();
  return {
    signal: (partition) => held.get(partition)?.signal() ?? AbortSignal.abort(),
    set(deadlines) {
      for (const [partition, validity] of held) {
        if (deadlines.has(partition)) continue;
        validity.setDeadline(0);
        held.delete(partition);
      }
      for (const [partition, untilMs] of deadlines) {
        const validity = held.get(partition) ?? createLeaseValidity();
        held.set(partition, validity);
        validity.setDeadline(untilMs);
      }
    },
  };
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
