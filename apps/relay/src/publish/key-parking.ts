import type { PendingEvent } from '../pending-event.ts';

/** Keeps what Kafka refuses. */
export interface ParkedEvents {
  /** Stores events with the reason why each waits; one that is parked already stays as it is. */
  park(events: readonly (PendingEvent & { readonly cause: string })[]): Promise<void>;
}

/** Which keys of one partition wait behind an event that Kafka refused. */
export interface KeyParking {
  isEmpty(): boolean;
  holds(key: string): boolean;
  /**
   * Parks events in order: one that Kafka refused, with what it said, or events of keys that are held. From then on the key is held.
   * Rejects when the database is away; then nothing has changed.
   */
  park(events: readonly PendingEvent[], refusal?: string): Promise<void>;
  /** What the database says: the first parked event of each key. */
  set(parked: ReadonlyMap<string, string>): void;
}

/** A refused event holds its own key only, and keeps the order of it: later events of the key are parked behind it. */
export function createKeyParking(
  store: ParkedEvents,
  onParked: (reason: 'refused' | 'behind', count: number) => void,
): KeyParking {
  let firstByKey = new Map<string, string>();
  return {
    isEmpty: () => firstByKey.size === 0,
    holds: (key) => firstByKey.has(key),
    async park(events, refusal) {
      await store.park(
        events.map((event) => ({
          ...event,
          cause: refusal ?? `waits for ${firstByKey.get(event.key) ?? 'an event of its key'}`,
        })),
      );
      for (const { key, eventId } of events) if (!firstByKey.has(key)) firstByKey.set(key, eventId);
      onParked(refusal === undefined ? 'behind' : 'refused', events.length);
    },
    set(parked) {
      firstByKey = new Map(parked);
    },
  };
}
