import type { PendingEvent } from '@order-events/outbox/pending-event';

/** Keeps what Kafka refuses. */
export interface ParkedEvents {
  /** The first parked event of each of the keys that have one. */
  firstOf(partition: number, keys: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Stores events with the reason why each waits; one that is parked already stays as it is. */
  park(events: readonly (PendingEvent & { readonly cause: string })[]): Promise<void>;
}

/** Which keys of one partition wait behind an event that Kafka refused. */
export interface KeyParking {
  isEmpty(): boolean;
  holds(key: string): boolean;
  /** Parks an event with what Kafka said. From then on its key is held. Rejects when the database is away. */
  park(event: PendingEvent, refusal: string): Promise<void>;
  /**
   * Parks events of held keys behind those that are parked, and answers which: none of a key that an operator has freed since.
   * Rejects when the database is away; parking the same again does no harm.
   */
  parkBehind(events: readonly PendingEvent[]): Promise<readonly PendingEvent[]>;
  /** What the database says: the first parked event of each key. */
  set(parked: ReadonlyMap<string, string>): void;
}

/** A refused event holds its own key only, and keeps the order of it: later events of the key are parked behind it. */
export function createKeyParking(
  partition: number,
  store: ParkedEvents,
  onParked: (reason: 'refused' | 'behind', count: number) => void,
): KeyParking {
  let firstByKey = new Map<string, string>();

  /** An operator may have discarded what was parked. */
  async function confirmHeld(keys: readonly string[]): Promise<void> {
    const held = await store.firstOf(partition, keys);
    for (const key of keys) {
      const first = held.get(key);
      if (first === undefined) firstByKey.delete(key);
      else firstByKey.set(key, first);
    }
  }

  return {
    isEmpty: () => firstByKey.size === 0,
    holds: (key) => firstByKey.has(key),
    async park(event, refusal) {
      await store.park([{ ...event, cause: refusal }]);
      firstByKey.set(event.key, event.eventId);
      onParked('refused', 1);
    },
    async parkBehind(events) {
      await confirmHeld([...new Set(events.map((event) => event.key))]);
      const followers = events.flatMap((event) => {
        const first = firstByKey.get(event.key);
        return first === undefined ? [] : [{ ...event, cause: `waits for ${first}` }];
      });
      if (followers.length > 0) await store.park(followers);
      onParked('behind', followers.length);
      return followers;
    },
    set(parked) {
      firstByKey = new Map(parked);
    },
  };
}
