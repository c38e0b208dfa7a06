import type { EventMemory } from './event-memory.ts';
import type { ConsumeOrdersResponse } from './gen/orders/v1/order_stream.ts';

/** What has been acknowledged on one stream of a consumer. */
export interface Acknowledgements {
  /** Answers what acknowledges the message and all before it: their events are remembered, and its token is to be sent. */
  track(message: ConsumeOrdersResponse): () => void;
  /** The tokens to send. One that a newer one overtakes before it is sent is left out. Ends after `close`. */
  tokens(): AsyncGenerator<string, void, undefined>;
  /** Whether everything that was tracked is acknowledged. */
  areComplete(): boolean;
  /** Whether the server has said of each acknowledgement that it is stored. */
  areStored(): boolean;
  /** The newest token so far is the last one that is sent; what is acknowledged later is only remembered. */
  close(): void;
}

interface UnacknowledgedEvents {
  readonly number: number;
  readonly eventIds: readonly string[];
}

export function createAcknowledgements(memory: EventMemory): Acknowledgements {
  let messages = 0;
  let acknowledged = 0;
  /** Bounded by the server, which sends only so many events without an acknowledgement. */
  const unacknowledged: UnacknowledgedEvents[] = [];
  let newestToken: string | undefined;
  let sentToken: string | undefined;
  let storedToken: string | undefined;
  let closed = false;
  let changed = Promise.withResolvers<void>();

  function tell(): void {
    changed.resolve();
    changed = Promise.withResolvers();
  }

  return {
    track({ events, ackToken, signal }) {
      if (signal?.$case === 'acknowledged') storedToken = signal.value.ackToken;
      messages += 1;
      const number = messages;
      if (events.length > 0) unacknowledged.push({ number, eventIds: events.map(({ eventId }) => eventId) });
      return () => {
        if (number <= acknowledged) return;
        acknowledged = number;
        while (unacknowledged[0] && unacknowledged[0].number <= number) {
          for (const eventId of unacknowledged.shift()?.eventIds ?? []) memory.remember(eventId);
        }
        if (closed || !ackToken) return;
        newestToken = ackToken;
        tell();
      };
    },
    async *tokens() {
      for (;;) {
        if (newestToken !== undefined && newestToken !== sentToken) {
          sentToken = newestToken;
          yield sentToken;
        } else if (closed) return;
        else await changed.promise;
      }
    },
    areComplete: () => unacknowledged.length === 0,
    areStored: () => newestToken === storedToken,
    close() {
      closed = true;
      tell();
    },
  };
}
