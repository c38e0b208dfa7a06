import type { LogOffsets, PartitionPositions, TopicLayout } from '@order-events/messaging';

/** Offset after the last record that the log is known to have, by partition; undefined until something is said of it. */
export interface KnownEnds {
  end(partition: number): bigint | undefined;
  /** There are more records of a partition that is known; never fewer. */
  extend(partition: number, offset: bigint): void;
  /** The same, of all partitions in their order; undefined says nothing. */
  extendAll(offsets: LogOffsets): void;
  /** The log had the offsets that were recorded; where it has lost them, that is found out as for any known end. */
  extendTo(layout: TopicLayout): void;
  /** It ends elsewhere now: `from` where nothing is said. */
  restart(from: PartitionPositions, end: PartitionPositions): void;
  clear(): void;
}

export function createKnownEnds(): KnownEnds {
  const ends = new Map<number, bigint>();

  function extend(partition: number, offset: bigint): void {
    const known = ends.get(partition);
    if (known !== undefined && offset > known) ends.set(partition, offset);
  }

  function extendAll(offsets: LogOffsets): void {
    offsets.forEach((offset, partition) => offset !== undefined && extend(partition, offset));
  }

  return {
    end: (partition) => ends.get(partition),
    extend,
    extendAll,
    extendTo: (layout) => layout.forEach(({ ends: recorded }) => extendAll(recorded)),
    restart(from, end) {
      for (const [partition, offset] of from) ends.set(partition, end.get(partition) ?? offset);
    },
    clear: () => ends.clear(),
  };
}
