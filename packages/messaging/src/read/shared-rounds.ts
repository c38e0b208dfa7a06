import { abortable } from '../cluster/abortable.ts';
import { pause } from '../cluster/retry-pause.ts';

/**
 * Lets any number of callers share the answers to one question, of which one is asked at a time. A caller shares in a round that begins
 * after its call, never in one that was under way: what it is told is no older than its question. A round begins `intervalMs` after the
 * beginning of the one before, at the earliest: then the callers of that time share it.
 */
export function createSharedRounds<T>(
  ask: () => Promise<T>,
  intervalMs = 0,
): (signal?: AbortSignal) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  let notBeforeMs = 0;

  async function round(before: Promise<unknown>): Promise<T> {
    await before.catch(() => undefined);
    const earlyMs = notBeforeMs - performance.now();
    if (earlyMs > 0) await pause(earlyMs);
    next = undefined;
    notBeforeMs = performance.now() + intervalMs;
    return ask();
  }

  return (signal) => {
    if (!next) last = next = round(last);
    return abortable(next, signal);
  };
}
