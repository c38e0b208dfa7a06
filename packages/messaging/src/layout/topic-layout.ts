import { keyHash } from '../message/key-hash.ts';

/**
 * A topic got more partitions. Keys that moved to another partition have their older events in the former one and their newer ones
 * in the latter, and nothing but this says which come first.
 */
export interface PartitionChange {
  readonly formerCount: number;
  readonly count: number;
  /** Of each former partition the boundary: what is before it was written for the former count, everything from it on for the latter. */
  readonly ends: readonly bigint[];
  readonly changedAt: Date;
}

/** All recorded changes of a topic, oldest first. */
export type TopicLayout = readonly PartitionChange[];

export const UNCHANGED_LAYOUT: TopicLayout = [];

/** Where the new mapping begins in a partition: a new one has nothing else. */
export function boundaryOf(change: PartitionChange, partition: number): bigint {
  return change.ends[partition] ?? 0n;
}

/**
 * Offset up to which a partition may be handed on so that order per key holds; undefined: all of it. What lies beyond the boundary of
 * a change waits until every former partition that its keys can have come from, by this change or one before, has been handed on up to
 * its own boundary.
 *
 * `reached` answers up to where another partition has been handed on. A key whose hash leaves the remainders q and p has
 * q ≡ p modulo the greatest common divisor of the counts, and no other partitions wait for each other. The partition of the smallest
 * offset that is unread before the oldest open boundary never waits: nothing stands still for ever.
 */
export function readableUpTo(
  layout: TopicLayout,
  partition: number,
  reached: (partition: number) => bigint,
): bigint | undefined {
  for (const [index, change] of layout.entries()) {
    // Also those before the last one: a key need not have had an event in between.
    for (const before of layout.slice(0, index + 1)) {
      const step = greatestCommonDivisor(before.formerCount, change.count);
      for (let former = partition % step; former < before.formerCount; former += step) {
        if (former !== partition && reached(former) < boundaryOf(before, former)) {
          return boundaryOf(change, partition);
        }
      }
    }
  }
  return undefined;
}

/** Whether a key may be at a place of the topic, as far as the layout and the present number of partitions tell. */
export function isExpectedAt(
  place: { readonly partition: number; readonly offset: bigint; readonly key: string },
  layout: TopicLayout,
  partitionCount: number,
): boolean {
  return keyHash(place.key) % countAt(place, layout, partitionCount) === place.partition;
}

function countAt(
  { partition, offset }: { readonly partition: number; readonly offset: bigint },
  layout: TopicLayout,
  partitionCount: number,
): number {
  // One that was called off has been recorded, and yet is not in force.
  const inForce = layout.filter(({ count }) => count <= partitionCount);
  const [oldest] = inForce;
  if (!oldest) return partitionCount;
  return inForce.findLast((change) => boundaryOf(change, partition) <= offset)?.count ?? oldest.formerCount;
}

/** The layout without what no reader can be before any more: the log begins behind it. */
export function withoutPassed(layout: TopicLayout, reached: (partition: number) => bigint): TopicLayout {
  const left = layout.filter(({ ends }) => ends.some((end, partition) => reached(partition) < end));
  return left.length === layout.length ? layout : left;
}

/** The log of a partition was truncated to an offset: what is lost will not be handed on, and nothing waits for it. */
export function truncatedLayout(layout: TopicLayout, partition: number, offset: bigint): TopicLayout {
  return layout.map((change) =>
    boundaryOf(change, partition) <= offset
      ? change
      : { ...change, ends: change.ends.with(partition, offset) },
  );
}

/**
 * A partition that ended before where it ended at an earlier change was truncated in between: the earlier boundary goes back as well.
 * Otherwise it would wait for itself.
 */
export function withoutLost(layout: TopicLayout): TopicLayout {
  return layout.map((change, index) => {
    const later = layout.slice(index + 1);
    const ends = change.ends.map((end, partition) =>
      later.reduce((least, other) => smaller(boundaryOf(other, partition), least), end),
    );
    return { ...change, ends };
  });
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
