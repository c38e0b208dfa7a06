export interface SourceAvailability {
  /** The partition was read. Answers whether one that could not be read can be again. */
  read(partition: number): boolean;
  /** The partition cannot be read. */
  lost(partition: number, error: Error): void;
}

export interface AvailabilityListeners {
  onAvailable(): void;
  onUnavailable(error: Error): void;
  onPartitionLost?(partition: number, error: Error): void;
  onPartitionFound?(partition: number): void;
}

/**
 * Tells when reading stops and when it goes on: of the source, which is available while any of its partitions can be read, and of each
 * partition. Each change is told once; nothing is told of the source before each partition was tried, since the start or since none
 * could be read.
 */
export function createSourceAvailability(
  partitions: Iterable<number>,
  listeners: AvailabilityListeners,
): SourceAvailability {
  const all = new Set(partitions);
  const untried = new Set(all);
  const lost = new Set<number>();
  let reported: 'available' | 'unavailable' | undefined;

  function report(): void {
    if (untried.size > 0 || lost.size === all.size || reported === 'available') return;
    reported = 'available';
    listeners.onAvailable();
  }

  return {
    read(partition) {
      const isFirst = untried.delete(partition);
      const wasLost = lost.delete(partition);
      if (wasLost) listeners.onPartitionFound?.(partition);
      if (isFirst || wasLost) report();
      return wasLost;
    },
    lost(partition, error) {
      untried.delete(partition);
      if (!lost.has(partition)) {
        lost.add(partition);
        listeners.onPartitionLost?.(partition, error);
      }
      if (lost.size < all.size || reported === 'unavailable') return report();
      reported = 'unavailable';
      for (const each of all) untried.add(each);
      listeners.onUnavailable(error);
    },
  };
}
