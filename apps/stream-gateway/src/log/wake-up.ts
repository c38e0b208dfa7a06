/** Lets many loops sleep until something has happened. */
export interface WakeUp {
  /** Wakes everyone who waits, after a linger that grows with their number: waking rarely makes batches. */
  notify(): void;
  /**
   * Waits for a notification, for `ms`, until `signal` aborts or `work` has settled, whatever is first. Never rejects. A notification
   * after which `isDue` answers false is slept through: that costs a small part of waking a loop that finds nothing to do.
   */
  wait(ms: number, signal: AbortSignal, work?: Promise<unknown>, isDue?: () => boolean): Promise<void>;
}

const LINGER_MS_PER_WAITER = 0.05;
const MAX_LINGER_MS = 50;
/** So many are woken in one turn of the event loop; health checks and reads from Kafka get their turn in between. */
const SLICE = 200;

interface Waiter {
  wake(): void;
  isDue(): boolean;
}

export function createWakeUp(): WakeUp {
  const waiting = new Set<Waiter>();
  let scheduled = false;

  function wakeAll(): void {
    scheduled = false;
    wakeSlice([...waiting], 0);
  }

  function wakeSlice(woken: readonly Waiter[], start: number): void {
    for (const waiter of woken.slice(start, start + SLICE)) {
      // It may have been woken by something else since.
      if (waiting.has(waiter) && waiter.isDue()) waiter.wake();
    }
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

    wait(ms, signal, work, isDue = () => true) {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve();
        // A wait on a shared promise would stay with that promise; this one leaves nothing behind.
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          waiting.delete(waiter);
          resolve();
        };
        const waiter: Waiter = { wake: done, isDue };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done, { once: true });
        waiting.add(waiter);
        work?.then(done, done);
      });
    },
  };
}
