import { linkAbort } from './linked-abort.ts';

/** Runs `work` with a signal that aborts with `signal`, or by itself after `ms`; leaves nothing behind on `signal`. */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new Error(`not done in ${ms} ms`)), ms);
  const either = linkAbort(...(signal ? [signal] : []), deadline.signal);
  try {
    return await work(either.signal);
  } finally {
    clearTimeout(timer);
    either.unlink();
  }
}
