import { setTimeout as delay } from 'node:timers/promises';

/** It ends a wait for what never comes; what merely takes long, on a machine that is busy with other things, comes first. */
const DEADLINE_MS = 60_000;

/**
 * Tries `probe` until it neither throws nor rejects and answers its value. At the deadline it throws an error that carries the
 * last failure, so that the message tells what was still missing. A probe that hangs counts as failing.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  options: { readonly deadlineMs?: number; readonly intervalMs?: number } = {},
): Promise<T> {
  const { deadlineMs = DEADLINE_MS, intervalMs = 25 } = options;
  const end = performance.now() + deadlineMs;
  let last: unknown = new Error('the probe did not answer');
  for (;;) {
    const remainingMs = end - performance.now();
    if (remainingMs <= 0) break;
    try {
      return await inTime(probe, remainingMs);
    } catch (error: unknown) {
      last = error;
    }
    await delay(intervalMs);
  }
  const reason = last instanceof Error ? last.message : String(last);
  throw new Error(`still failing after ${deadlineMs} ms: ${reason}`, { cause: last });
}

async function inTime<T>(probe: () => T | Promise<T>, timeoutMs: number): Promise<T> {
  const timer = new AbortController();
  const tooLate = delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error('the probe did not answer');
  });
  try {
    return await Promise.race([Promise.resolve().then(probe), tooLate]);
  } finally {
    timer.abort();
    tooLate.catch(() => undefined);
  }
}
