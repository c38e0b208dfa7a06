const LINGER_MS_PER_WAITER = 0.05;
const MAX_LINGER_MS = 50;
/** So many are woken in one turn of the event loop; health checks and reads from Kafka get their turn in between. */
const SLICE = 200;

/**
 * Wakes all that are in a set some time after it was asked to: a linger that grows with their number, since waking rarely makes
 * batches. `wake` must take the one it is given out of the set. Whoever is taken out before its turn is not woken; whoever comes in before may be.
 */
export function createWaking<Waiter>(
  waiting: ReadonlySet<Waiter>,
  wake: (waiter: Waiter) => void,
): () => void {
  let scheduled = false;

  function wakeAll(): void {
    scheduled = false;
    wakeSlice([...waiting], 0);
  }

  function wakeSlice(woken: readonly Waiter[], start: number): void {
    for (const waiter of woken.slice(start, start + SLICE)) {
      if (waiting.has(waiter)) wake(waiter);
    }
    if (start + SLICE < woken.length) setImmediate(wakeSlice, woken, start + SLICE);
  }

  return () => {
    if (scheduled || waiting.size === 0) return;
    scheduled = true;
    const lingerMs = Math.min(MAX_LINGER_MS, waiting.size * LINGER_MS_PER_WAITER);
    if (lingerMs < 1) setImmediate(wakeAll);
    else setTimeout(wakeAll, lingerMs);
  };
}
