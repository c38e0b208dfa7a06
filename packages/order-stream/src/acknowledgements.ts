import { toDuration } from './duration.ts';
import type { EventMemory } from './event-memory.ts';
import type {
  ConsumeOrdersRequest,
  ConsumeOrdersResponse,
  DeepPartial,
  OrderEvent,
} from './gen/orders/v1/order_stream.ts';

/** What is to become of an event that was rejected. */
export interface Rejection {
  /** Why, for people: its first 1,000 characters are kept. */
  readonly reason: string;
  /** When it comes again, unless it was the last attempt; default as `rejectPolicy` says. */
  readonly retryDelayMs?: number | undefined;
  /** It does not come again until somebody decides. */
  readonly setAside?: boolean | undefined;
}

/** A message of the server, as its receiver may work with it. */
export interface TrackedMessage {
  /** Without those behind a rejected event of their order: they come again after it. */
  readonly events: readonly OrderEvent[];
  /** The message and all before it are handled: their events are remembered, and its token is to be sent. */
  acknowledge(): void;
  /** One of its events is not handled, nor what was given behind it of its order. Throws a TypeError for any other event. */
  reject(event: OrderEvent, rejection: Rejection): void;
  /** One of its events is not handled, nor what was given behind it of its order, as others have the order now: none is remembered. */
  giveBack(event: OrderEvent): void;
}

/** What a client says on one stream of a subscription: what is acknowledged, and what is rejected. */
export interface Acknowledgements {
  track(message: ConsumeOrdersResponse): TrackedMessage;
  /**
   * What to send: rejections, and the newest token. One that a newer one overtakes before it is sent is left out. Ends after `close`.
   */
  requests(): AsyncGenerator<DeepPartial<ConsumeOrdersRequest>, void, undefined>;
  /** Whether everything that was tracked is acknowledged. */
  areComplete(): boolean;
  /** Whether the server has said of each acknowledgement and rejection what has become of it. */
  areStored(): boolean;
  /** What was said so far is the last that is sent; what is acknowledged later is only remembered. */
  close(): void;
}

interface UnacknowledgedEvents {
  readonly number: number;
  events: readonly OrderEvent[];
}

const MAX_REASON_LENGTH = 1_000;

export function createAcknowledgements(memory: EventMemory): Acknowledgements {
  let messages = 0;
  let acknowledged = 0;
  /** Bounded by the server, which sends only so many events without an acknowledgement. */
  const unacknowledged: UnacknowledgedEvents[] = [];
  /** Orders of rejected events of which the server has not said yet what becomes of them, by the event. */
  const unanswered = new Map<string, string>();
  const rejections: DeepPartial<ConsumeOrdersRequest>[] = [];
  let newestToken: string | undefined;
  let sentToken: string | undefined;
  let storedToken: string | undefined;
  let closed = false;
  let changed = Promise.withResolvers<void>();

  function tell(): void {
    changed.resolve();
    changed = Promise.withResolvers();
  }

  function acknowledge(number: number, ackToken: string): void {
    if (number <= acknowledged) return;
    acknowledged = number;
    while (unacknowledged[0] && unacknowledged[0].number <= number) {
      for (const { eventId } of unacknowledged.shift()?.events ?? []) memory.remember(eventId);
    }
    if (closed || !ackToken) return;
    newestToken = ackToken;
    tell();
  }

  /** What was sent behind it of its order comes again as well: none of it is handled when its message is acknowledged. */
  function giveBack({ eventId, orderId }: OrderEvent, number: number): void {
    let isBehind = false;
    for (const message of unacknowledged) {
      if (message.number < number) continue;
      message.events = message.events.filter((each) => {
        isBehind ||= each.eventId === eventId;
        return !isBehind || each.orderId !== orderId;
      });
    }
  }

  function reject(event: OrderEvent, number: number, rejection: Rejection): void {
    const message = unacknowledged.find((each) => each.number === number);
    if (!message?.events.some(({ eventId }) => eventId === event.eventId)) {
      throw new TypeError(`event ${event.eventId} is none of this message that can be rejected still`);
    }
    giveBack(event, number);
    if (closed) return;
    unanswered.set(event.eventId, event.orderId);
    rejections.push({ request: { $case: 'reject', value: rejectRequest(event, rejection) } });
    tell();
  }

  return {
    track({ events: sent, ackToken, signal }) {
      if (signal?.$case === 'acknowledged') storedToken = signal.value.ackToken;
      if (signal?.$case === 'rejected') unanswered.delete(signal.value.eventId);
      messages += 1;
      const number = messages;
      const held = new Set(unanswered.values());
      const events = held.size === 0 ? sent : sent.filter(({ orderId }) => !held.has(orderId));
      if (sent.length > 0) unacknowledged.push({ number, events });
      return {
        events,
        acknowledge: () => acknowledge(number, ackToken),
        reject: (event, rejection) => reject(event, number, rejection),
        giveBack: (event) => giveBack(event, number),
      };
    },
    async *requests() {
      for (;;) {
        const rejection = rejections.shift();
        // Before a token that covers its event.
        if (rejection) yield rejection;
        else if (newestToken !== undefined && newestToken !== sentToken) {
          sentToken = newestToken;
          yield { request: { $case: 'acknowledge', value: { ackToken: sentToken } } };
        } else if (closed) return;
        else await changed.promise;
      }
    },
    areComplete: () => unacknowledged.length === 0,
    areStored: () => newestToken === storedToken && unanswered.size === 0,
    close() {
      closed = true;
      tell();
    },
  };
}

function rejectRequest({ eventId }: OrderEvent, { reason, retryDelayMs, setAside }: Rejection) {
  const decision = setAside
    ? ({ $case: 'setAside', value: true } as const)
    : retryDelayMs === undefined
      ? undefined
      : ({ $case: 'retryDelay', value: toDuration(retryDelayMs) } as const);
  return { eventId, reason: reason.slice(0, MAX_REASON_LENGTH).toWellFormed(), decision };
}
