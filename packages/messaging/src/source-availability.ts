export interface SourceAvailability {
  /** The partition was read. Answers whether that made all of them readable again. */
  read(partition: number): boolean;
  /** The partition cannot be read. */
  lost(partition: number, error: Error): void;
}

/**
 * Tells when reading stops and when it goes on: the source is available while every one of its partitions can be read. Each change
 * is told once; nothing is told before the first attempt has succeeded or failed.
 */
export function createSourceAvailability(
  partitions: Iterable<number>,
  listeners: { onAvailable(): void; onUnavailable(error: Error): void },
): SourceAvailability {
  const unread = new Set(partitions);
  let reported: 'available' | 'unavailable' | undefined;
  return {
    read(partition) {
      if (!unread.delete(partition) || unread.size > 0) return false;
      reported = 'available';
      listeners.onAvailable();
      return true;
    },
    lost(partition, error) {
      unread.add(partition);
      if (reported === 'unavailable') return;
      reported = 'unavailable';
      listeners.onUnavailable(error);
    },
  };
}
