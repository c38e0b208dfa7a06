/** A signal for work that needs a valid lease. It is made anew only when the validity is, since a combined signal is not cheap. */
export function createPermission(validity: () => AbortSignal, over: AbortSignal): () => AbortSignal {
  let basis: AbortSignal | undefined;
  let combined = over;
  return () => {
    const current = validity();
    if (current !== basis) combined = AbortSignal.any([current, over]);
    basis = current;
    return combined;
  };
}
