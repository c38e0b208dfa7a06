import { createWaking } from './waking.ts';

/** Lets many loops sleep until something has happened. */
export interface WakeUp {
  /** Wakes everyone who waits, after a linger; see createWaking. */
  notify(): void;
  /** Waits for a notification, for `ms`, until `signal` aborts or `work` has settled, whatever is first. Never rejects. */
  wait(ms: number, signal: AbortSignal, work?: Promise<unknown>): Promise<void>;
}

export function createWakeUp(): WakeUp {
  const waiting = new Set<() => void>();
  return {
    notify: createWaking(waiting, (wake) => wake()),
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
