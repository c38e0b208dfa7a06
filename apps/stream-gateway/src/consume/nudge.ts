/** Wakes one loop. */
export interface Nudge {
  /** Something has changed. Kept until the loop waits. */
  give(): void;
  /** Resolves with the first nudge since the last one that was waited for. Only the newest of these promises does. */
  received(): Promise<void>;
}

export function createNudge(): Nudge {
  let isPending = false;
  let wake: (() => void) | undefined;
  return {
    give() {
      isPending = wake === undefined;
      wake?.();
      wake = undefined;
    },
    received() {
      if (isPending) {
        isPending = false;
        return Promise.resolve();
      }
      // A promise that lasts would collect the reactions of all who have waited for it beside something else.
      return new Promise((resolve) => (wake = resolve));
    },
  };
}
