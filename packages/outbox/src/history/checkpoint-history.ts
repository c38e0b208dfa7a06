import type { FormerCheckpoint } from '../checkpoint.ts';

/** What was acknowledged a shorter time ago is the likeliest to be lost; the youngest entry is no younger than this. */
const INTERVAL_MS = 10_000;
/** What is lost is no older: one entry is. */
const COVERED_MS = 24 * 60 * 60 * 1000;
/** Two or so for each doubling of the age. */
const MAX_ENTRIES = 32;
/**
 * Between two entries, in offsets: what a take-over from the older one may have to read back and keep in mind. Far below what a ledger
 * takes.
 */
const MAX_GAP_OFFSETS = 1_000_000n;

/**
 * Keeps a checkpoint among the former ones, when it is time: close together while they are young, and further apart with age. One
 * with the mark of the newest takes its place, as the log has no more in between.
 */
export function remembered(
  history: readonly FormerCheckpoint[],
  present: FormerCheckpoint,
): readonly FormerCheckpoint[] {
  const newest = history.at(-1);
  // A clock that was set back: what is to come is not younger.
  const isDue = !newest || Math.abs(present.atMs - newest.atMs) >= INTERVAL_MS;
  if (!isDue && present.logOffset - newest.logOffset < MAX_GAP_OFFSETS / 2n) return history;
  const isSamePlace = newest !== undefined && placeOf(newest) === placeOf(present);
  return thinned([...(isSamePlace ? history.slice(0, -1) : history), present]);
}

function placeOf({ mark, logOffset }: FormerCheckpoint): string {
  return `${mark.topicId}/${mark.last?.offset ?? `before ${logOffset}`}`;
}

/** Leaves an entry out where its neighbours are close enough for their age; then those that are too old, or too many. */
function thinned(history: readonly FormerCheckpoint[]): readonly FormerCheckpoint[] {
  const newest = history.at(-1);
  if (!newest) return history;
  const kept: FormerCheckpoint[] = [];
  history.forEach((entry, index) => {
    const before = kept.at(-1);
    const after = history[index + 1];
    if (before && after && isSpare(before, after, newest.atMs)) return;
    kept.push(entry);
  });
  const firstOld = kept.findLastIndex(({ atMs }) => newest.atMs - atMs >= COVERED_MS);
  return kept.slice(Math.max(0, firstOld)).slice(-MAX_ENTRIES);
}

/** Two neighbours may be as far apart as the younger one is old, so that their number grows with the logarithm of the age. */
function isSpare(before: FormerCheckpoint, after: FormerCheckpoint, nowMs: number): boolean {
  return (
    after.atMs - before.atMs <= nowMs - after.atMs && after.logOffset - before.logOffset <= MAX_GAP_OFFSETS
  );
}
