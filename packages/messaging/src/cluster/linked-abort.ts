export interface LinkedAbort {
  readonly signal: AbortSignal;
  /** Takes the listeners off again. */
  unlink(): void;
}

/**
 * A signal that aborts with the first of `signals`. Unlike AbortSignal.any it can be undone: a long-lived signal keeps a trace of
 * each one made from it that way until the garbage collector comes along.
 */
export function linkAbort(...signals: readonly AbortSignal[]): LinkedAbort {
  const controller = new AbortController();
  const onAbort = (event: Event) => {
    if (event.target instanceof AbortSignal) controller.abort(event.target.reason);
  };
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  }
  return {
    signal: controller.signal,
    unlink() {
      for (const signal of signals) signal.removeEventListener('abort', onAbort);
    },
  };
}
