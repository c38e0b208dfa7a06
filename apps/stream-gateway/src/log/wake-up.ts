/** Lets many loops sleep until something has happened. */
export interface WakeUp {
  /** Wakes everyone who waits, after a linger that grows with their number: waking rarely makes batches. */
  notify(): void;
  /** Waits for a notification, for `ms`, until `signal` aborts or `work` has settled, whatever is first. Never rejects. */
  wait(ms: number, signal: AbortSignal, work?: Promise<unknown>): Promise<void>;
}

const LINGER_MS_PER_WAITER = 0.02;
const MAX_LINGER_MS = 50;
/** So many are woken in one turn of the event loop; health checks and reads from Kafka get their turn in between. */
const SLICE = 200;

export function createWakeUp(): WakeUp {
  let waiting = new Set<() => void>();
  let scheduled = false;

  function wakeAll(): void {
    scheduled = false;
    const woken = [...waiting];
    waiting = new Set();
    wakeSlice(woken, 0);
  }

  function wakeSlice(woken: readonly (() => void)[], start: number): void {
    for (const wake of woken.slice(start, start + SLICE)) wake();
    if (start + SLICE < woken.length) setImmediate(wakeSlice, woken, start + SLICE);
  }

  return {
    notify() {
      if (scheduled) return;
      scheduled = true;
      const lingerMs = Math.min(MAX_LINGER_MS, waiting.size * LINGER_MS_PER_WAITER);
      if (lingerMs < 1) setImmediate(wakeAll);
      else setTimeout(wakeAll, lingerMs);
    },

    wait(ms, signal, work) {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve();
        // A wait on a shared promise would stay with that promise; this one leaves nothing behind.
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done, { once: true });
        waiting.add(done);
        work?.then(done, done);
      });
    },
  };
}
