/** Wakes one loop. */
export interface Nudge {
  /** Something has changed. Kept until the loop waits: at most it looks once in vain. */
  give(): void;
  /** Resolves with the next nudge, at once when there has been one that no call has answered yet. Only the newest promise resolves. */
  received(): Promise<void>;
}

export function createNudge(): Nudge {
  let isPending = false;
  let wake: (() => void) | undefined;
  return {
    give() {
      // The loop may have stopped waiting for another reason: whether this wakes it cannot be known here.
      isPending = true;
      wake?.();
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
