/** Up to which time everything is in a partition, and before which offset. */
export interface CompleteProgress {
  readonly throughMs: number;
  readonly offset: bigint;
}

/**
 * What is complete once a writer has dealt with everything that a look has found. `takenAtMs` is a time of the database before the snapshot
 * of the look was taken, so what was committed before it was found, by this look or one before; whatever was in progress commits later. It is
 * undefined inside of a window that is written in parts, and where nobody knows. `writtenTo` is behind everything that was written, undefined
 * while something of it is set aside. It never goes back: a clock that does holds it still.
 */
export function completeAfter(
  before: CompleteProgress | undefined,
  takenAtMs: number | undefined,
  writtenTo: bigint | undefined,
): CompleteProgress | undefined {
  if (takenAtMs === undefined || writtenTo === undefined) return before;
  if (before && takenAtMs <= before.throughMs) return before;
  return { throughMs: takenAtMs, offset: writtenTo };
}
