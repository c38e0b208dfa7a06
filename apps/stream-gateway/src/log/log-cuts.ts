/** Where the log was cut: it may have grown past that since, and then its offsets say nothing of it. */
export interface LogCuts {
  /** In this epoch of the log the partition lost everything from `end` on. */
  add(epoch: number, partition: number, end: bigint): void;
  /** Whether the partition has lost something before `offset` after that epoch. */
  hasCutBelow(sinceEpoch: number, partition: number, offset: bigint): boolean;
  /** It is another log. */
  clear(): void;
}

interface Cut {
  readonly epoch: number;
  readonly end: bigint;
}

/** Of one partition. Beyond it the two oldest become one, which says of either that it came later and lost more. */
const MAX_CUTS = 16;

export function createLogCuts(): LogCuts {
  /** By partition, newest last; each is below those after it, or it would say nothing new. */
  const cuts = new Map<number, readonly Cut[]>();
  return {
    add(epoch, partition, end) {
      const lower = (cuts.get(partition) ?? []).filter((cut) => cut.end < end);
      const [oldest, second, ...rest] = lower;
      const isFull = lower.length >= MAX_CUTS && oldest && second;
      const kept = isFull ? [{ epoch: second.epoch, end: oldest.end }, ...rest] : lower;
      cuts.set(partition, [...kept, { epoch, end }]);
    },
    hasCutBelow: (sinceEpoch, partition, offset) =>
      (cuts.get(partition) ?? []).some((cut) => cut.epoch > sinceEpoch && cut.end < offset),
    clear: () => cuts.clear(),
  };
}
