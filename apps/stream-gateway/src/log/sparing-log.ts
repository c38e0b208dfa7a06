import type { Logger } from '@order-events/runtime';

/** Logs a warning that may come thousands of times a second. */
export type SparingWarn = (fields: Readonly<Record<string, unknown>>, message: string) => void;

const INTERVAL_MS = 10_000;

/** Logs the first of many warnings at once, then one every 10 s, with the number of those left out. */
export function createSparingWarn(log: Logger): SparingWarn {
  let lastAtMs = Number.NEGATIVE_INFINITY;
  let leftOut = 0;
  return (fields, message) => {
    const nowMs = performance.now();
    if (nowMs - lastAtMs < INTERVAL_MS) {
      leftOut += 1;
      return;
    }
    log.warn({ ...fields, leftOut }, message);
    lastAtMs = nowMs;
    leftOut = 0;
  };
}
