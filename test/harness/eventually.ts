import { setTimeout as delay } from 'node:timers/promises';
import { measureMachinePace } from '../../tools/test-run/machine-pace.ts';

/** It ends a wait for what never comes; what merely takes long, on a machine that is busy with other things, comes first. */
const PATIENCE_MS = 60_000;

export interface EventuallyOptions {
  /** On the quiet machine of reference; before it ends it is stretched by how slow the machine is at that moment. */
  readonly patienceMs?: number;
  /** Instead of patience: a bound that the product has to keep. */
  readonly deadlineMs?: number;
  readonly intervalMs?: number;
  /** Aborts when nothing can change any more: what does not hold then never will. */
  readonly over?: AbortSignal;
}

/**
 * Tries `probe` until it neither throws nor rejects and answers its value. At the end of its patience it throws an error that carries the
 * last failure, so that the message tells what was still missing. A probe that hangs counts as failing.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  { patienceMs = PATIENCE_MS, deadlineMs, intervalMs = 25, over }: EventuallyOptions = {},
): Promise<T> {
  const startMs = performance.now();
  let limitMs = deadlineMs ?? patienceMs;
  let isStretched = deadlineMs !== undefined;
  let last: unknown;
  for (;;) {
    if (!isStretched && performance.now() - startMs >= limitMs) {
      limitMs = patienceMs * measureMachinePace();
      isStretched = true;
    }
    const isOver = over?.aborted === true;
    const remainingMs = startMs + limitMs - performance.now();
    if (remainingMs <= 0) break;
    try {
      return await inTime(probe, remainingMs);
    } catch (error: unknown) {
      // The end cuts off the last probe that takes long: what was missing is what those before it found.
      if (!(error instanceof ProbeTooLate) || last === undefined) last = error;
    }
    if (isOver) throw new Error(`${messageOf(last)}; nothing more comes`, { cause: last });
    await delay(intervalMs, undefined, over && { signal: over }).catch(() => undefined);
  }
  throw new Error(`still failing after ${Math.round(limitMs)} ms: ${messageOf(last)}`, { cause: last });
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}

async function inTime<T>(probe: () => T | Promise<T>, timeoutMs: number): Promise<T> {
  const timer = new AbortController();
  const tooLate = delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new ProbeTooLate('the probe did not answer');
  });
  try {
    return await Promise.race([Promise.resolve().then(probe), tooLate]);
  } finally {
    timer.abort();
    tooLate.catch(() => undefined);
  }
}

class ProbeTooLate extends Error {}
