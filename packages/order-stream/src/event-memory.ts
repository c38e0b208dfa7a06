/** Tells events that were seen already, within a bounded memory. */
export interface EventMemory {
  has(eventId: string): boolean;
  /** Answers whether the event was unknown before. */
  remember(eventId: string): boolean;
}

/** Remembers at least the last `size` events, and at most twice as many: the older half is forgotten at once. 0 remembers nothing. */
export function createEventMemory(size: number): EventMemory {
  let newer = new Set<string>();
  let older = new Set<string>();
  const has = (eventId: string) => newer.has(eventId) || older.has(eventId);
  return {
    has,
    remember(eventId) {
      if (has(eventId)) return false;
      newer.add(eventId);
      if (newer.size >= size) {
        older = size === 0 ? new Set() : newer;
        newer = new Set();
      }
      return true;
    },
  };
}
