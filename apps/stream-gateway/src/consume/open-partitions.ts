import type { CommittedOffset } from '@order-events/messaging';
import { sleep } from '@order-events/runtime';
import { openTimeMs } from '../subscription/open-place.ts';

/** Next offsets at times of the log, by partition; without those of partitions that Kafka cannot be asked about. */
export type LocateTimes = (timesMs: ReadonlyMap<number, number>) => Promise<ReadonlyMap<number, bigint>>;

const RETRY_MS = 250;

/** What a member can go on with at once, and where its place is open, by time. A partition without a commit was added: it begins at 0. */
export function byKnowledge(
  partitions: readonly number[],
  committed: ReadonlyMap<number, CommittedOffset>,
): { known: ReadonlyMap<number, bigint>; open: ReadonlyMap<number, number> } {
  const known = new Map<number, bigint>();
  const open = new Map<number, number>();
  for (const partition of partitions) {
    const place = committed.get(partition);
    const timeMs = place && openTimeMs(place);
    if (timeMs === undefined) known.set(partition, place?.offset ?? 0n);
    else open.set(partition, timeMs);
  }
  return { known, open };
}

/**
 * Finds open places as soon as Kafka can be asked, and tells `onClosed` of them; ends with the last one, or when `over` aborts. A place
 * is stored before anything is read there: the next member must not look for it anew, when the log may begin later.
 */
export async function closePlaces(
  open: ReadonlyMap<number, number>,
  {
    locateTimes,
    commit,
    onFailure,
  }: {
    readonly locateTimes: LocateTimes;
    readonly commit: (offsets: ReadonlyMap<number, bigint>) => Promise<void>;
    /** Told of what will be tried again. */
    readonly onFailure: (error: unknown) => void;
  },
  over: AbortSignal,
  onClosed: (found: ReadonlyMap<number, bigint>) => void,
): Promise<void> {
  const left = new Map(open);
  while (left.size > 0 && !over.aborted) {
    try {
      const found = await locateTimes(left);
      over.throwIfAborted();
      if (found.size > 0) {
        await commit(found);
        over.throwIfAborted();
        onClosed(found);
      }
      for (const partition of found.keys()) left.delete(partition);
    } catch (error: unknown) {
      if (!over.aborted) onFailure(error);
    }
    if (left.size > 0) await sleep(RETRY_MS, over);
  }
}
