/** Tells events that were seen already, within a bounded memory. */
export interface EventMemory {
  /** Whether an event is seen for the first time; from then on it is remembered. */
  isNew(eventId: string): boolean;
}

/** Remembers at least the last `size` events, and at most twice as many: the older half is forgotten at once. 0 remembers nothing. */
export function createEventMemory(size: number): EventMemory {
  if (size === 0) return { isNew: () => true };
  let newer = new Set<string>();
  let older = new Set<string>();
  return {
    isNew(eventId) {
      if (newer.has(eventId) || older.has(eventId)) return false;
      newer.add(eventId);
      if (newer.size >= size) {
        older = newer;
        newer = new Set();
      }
      return true;
    },
  };
}
