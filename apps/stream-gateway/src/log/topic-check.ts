import { sleep } from '@order-events/runtime';

/** When it is time to look at the topic again. */
export interface TopicCheck {
  /** Somebody has heard of what the log does not know: it is time. */
  request(): void;
  /** Waits until something was requested, for `intervalMs`, or until `signal` aborts; a moment at least. */
  due(intervalMs: number, signal: AbortSignal): Promise<void>;
}

/** However often it is requested. */
const LEAST_INTERVAL_MS = 100;

export function createTopicCheck(): TopicCheck {
  let requested = new AbortController();
  return {
    request: () => requested.abort(),
    async due(intervalMs, signal) {
      await sleep(LEAST_INTERVAL_MS, signal);
      await sleep(intervalMs, AbortSignal.any([signal, requested.signal]));
      requested = new AbortController();
    },
  };
}
