/** A read that is under way beside a loop: the loop starts it, goes on, and takes its outcome when it is there. */
export interface BackgroundRead<Outcome> {
  /** Starts a read unless one is under way or the last one has failed a moment ago. `arrive` runs when the loop takes the outcome. */
  begin<T>(read: () => Promise<T>, arrive: (value: T) => Outcome): void;
  /** What came of the read; undefined when there is nothing new. Throws what `onFailure` throws. */
  take(): Outcome | undefined;
  /** Settles, and never rejects, when there is an outcome to take. */
  pending(): Promise<void> | undefined;
  /** No read begins before, on the monotonic clock. */
  retryAtMs(): number;
}

const RETRY_MS = 250;

export function createBackgroundRead<Outcome>(onFailure: (error: unknown) => void): BackgroundRead<Outcome> {
  let pending: Promise<void> | undefined;
  let arrived: (() => Outcome | undefined) | undefined;
  let retryAtMs = 0;
  return {
    begin(read, arrive) {
      if (pending || performance.now() < retryAtMs) return;
      pending = read().then(
        (value) => {
          arrived = () => arrive(value);
        },
        (error: unknown) => {
          arrived = () => {
            retryAtMs = performance.now() + RETRY_MS;
            onFailure(error);
            return undefined;
          };
        },
      );
    },
    take() {
      const outcome = arrived;
      if (!outcome) return undefined;
      arrived = undefined;
      pending = undefined;
      return outcome();
    },
    pending: () => pending,
    retryAtMs: () => retryAtMs,
  };
}
