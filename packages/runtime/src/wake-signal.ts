export interface WakeSignal {
  wake(): void;
  /**
   * Resolves after `ms`, at the next wake or abort, or at once when there was a wake since the last wait; with whether there was
   * one. One wait at a time.
   */
  wait(ms: number, signal: AbortSignal): Promise<boolean>;
}

/** Wakes a loop; a wake that comes while the loop works is kept, so none is lost. */
export function createWakeSignal(): WakeSignal {
  let pending = false;
  let resume: (() => void) | undefined;
  return {
    wake() {
      pending = true;
      resume?.();
    },
    async wait(ms, signal) {
      if (!pending && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(() => resume?.(), ms);
          resume = () => {
            clearTimeout(timer);
            signal.removeEventListener('abort', onAbort);
            resume = undefined;
            resolve();
          };
          const onAbort = () => resume?.();
          signal.addEventListener('abort', onAbort);
        });
      }
      const woken = pending;
      pending = false;
      return woken;
    },
  };
}
