import type { HoldableEvent } from './held-order.ts';
import type { HeldPartition } from './held-partition-api.ts';

/** Held events that were sent again before their partition began anew: they come once more, whatever the client says of the first time. */
export interface OwedAnswers {
  /** Before the partition is forgotten. */
  add(partition: number, held: Pick<HeldPartition<HoldableEvent>, 'unfinished'>): void;
  /** Of the first message with one that the client has not answered again; nothing from there on is stored. */
  firstMessage(partitionOf: (partition: number) => Answered | undefined): number | undefined;
}

type Answered = Pick<HeldPartition<HoldableEvent>, 'isReady' | 'isAnswered'>;

export function createOwedAnswers(): OwedAnswers {
  /** Numbers of messages by event. */
  const owed = new Map<number, Map<string, number>>();

  return {
    add(partition, held) {
      const messages = owed.get(partition) ?? new Map<string, number>();
      // Once more than once: the first message counts until the event is answered.
      for (const { eventId, message } of held.unfinished()) {
        messages.set(eventId, Math.min(message, messages.get(eventId) ?? message));
      }
      if (messages.size > 0) owed.set(partition, messages);
    },
    firstMessage(partitionOf) {
      for (const [partition, messages] of owed) {
        const held = partitionOf(partition);
        // Nothing is held in it, or it is another stream's.
        if (!held) owed.delete(partition);
        else if (held.isReady()) {
          for (const eventId of messages.keys()) if (held.isAnswered(eventId)) messages.delete(eventId);
          if (messages.size === 0) owed.delete(partition);
        }
      }
      const left = [...owed.values()].flatMap((messages) => [...messages.values()]);
      return left.length > 0 ? Math.min(...left) : undefined;
    },
  };
}
