import type { Logger } from './logger.ts';

/** Logs a warning that may come thousands of times a second. Those with another `about` (default: the message) are counted apart. */
export type SparingWarn = (
  fields: Readonly<Record<string, unknown>>,
  message: string,
  about?: string,
) => void;

const DEFAULT_INTERVAL_MS = 10_000;
/** Beyond so many different ones all are forgotten: each may then be told once more. */
const MAX_REMEMBERED = 100;

/** Logs the first of many warnings at once, then one in each interval, with the number of those left out. */
export function createSparingWarn(log: Pick<Logger, 'warn'>, intervalMs = DEFAULT_INTERVAL_MS): SparingWarn {
  const told = new Map<string, { atMs: number; leftOut: number }>();
  return (fields, message, about = message) => {
    const nowMs = performance.now();
    const last = told.get(about);
    if (last && nowMs - last.atMs < intervalMs) {
      last.leftOut += 1;
      return;
    }
    log.warn({ ...fields, leftOut: last?.leftOut ?? 0 }, message);
    if (!last && told.size >= MAX_REMEMBERED) told.clear();
    told.set(about, { atMs: nowMs, leftOut: 0 });
  };
}
