import { sleep } from '@order-events/runtime';

/** An operator waits for about so long. */
const INTERVAL_MS = 1_000;

/** Looks whether operators may have asked something, from `begin` on until `end`. */
export interface Looking {
  begin(): void;
  end(): void;
}

/**
 * `partitions`: those that were read. `grown`: those of them in which somebody has written. `onFailure` is told of
 * what will be tried again.
 */
export function createLooking(
  partitions: () => readonly number[],
  grown: (partitions: readonly number[], signal: AbortSignal) => Promise<readonly number[]>,
  onGrown: (partition: number) => void,
  onFailure: (error: unknown) => void,
): Looking {
  const ended = new AbortController();
  const { signal } = ended;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    while (!signal.aborted) {
      await sleep(INTERVAL_MS, signal);
      const loaded = partitions();
      if (loaded.length === 0) continue;
      try {
        for (const partition of await grown(loaded, signal)) onGrown(partition);
      } catch (error: unknown) {
        if (!signal.aborted) onFailure(error);
      }
    }
  }

  return {
    begin: () => void (looking ??= look()),
    end: () => ended.abort(),
  };
}
