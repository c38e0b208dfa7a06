import { type Acknowledgements, createAcknowledgements } from './acknowledgements.ts';
import { toDuration } from './duration.ts';
import { createEventMemory } from './event-memory.ts';
import type {
  ConsumeOrdersRequest,
  ConsumeOrdersRequest_Open,
  ConsumeOrdersResponse,
  DeepPartial,
  OrderFilter,
  StartPosition,
} from './gen/orders/v1/order_stream.ts';
import type { MessageStream } from './message-stream.ts';
import { DEFAULT_REMEMBERED_EVENTS, reconnectingStream, type StreamOptions } from './reconnecting-stream.ts';

export interface ConsumeOrdersOptions extends StreamOptions {
  /** Name of the shared subscription: 1 to 200 of a-z, 0-9, '.', '_', '-'. */
  readonly subscription: string;
  /** Which events; default all. Must be the same for all consumers of a subscription; `SeekSubscription` changes it. */
  readonly filter?: Partial<OrderFilter>;
  /** Where a new subscription starts; default the oldest retained event. Without effect once it has a position. */
  readonly start?: NonNullable<StartPosition['position']>;
  /** Most events given and not acknowledged; default is the server's. */
  readonly maxUnacknowledgedEvents?: number;
}

/** A message of the server, and how to say that it is handled. */
export type ConsumedBatch = ConsumeOrdersResponse & {
  /**
   * Everything up to here is handled: this batch and all that were given before it on the same connection. The events come again,
   * to this consumer or another one of the subscription, until that is stored.
   */
  acknowledge(): void;
};

/** What was acknowledged last should be stored before the stream is left, or others handle it again; a server that is gone stores nothing. */
const STORE_DEADLINE_MS = 1_000;

/**
 * Takes part in a shared subscription for as long as it is iterated, over any number of connections. Events that were not
 * acknowledged when a connection ended are given again, here or to another consumer. Those that were acknowledged are not given
 * again here within the memory, also when the server never learned of it.
 *
 * It gives whole messages, also those without events, which need no acknowledgement: theirs is one of all events before. Leave the
 * iteration, or abort `signal`, to leave the subscription; what was acknowledged until then is stored when the server answers
 * within a second.
 *
 * Ends without an error when `signal` aborts. Throws an OrderStreamError when no retry can mend the refusal.
 */
export async function* consumeOrders(
  options: ConsumeOrdersOptions,
): AsyncGenerator<ConsumedBatch, void, undefined> {
  const memory = createEventMemory(options.rememberedEvents ?? DEFAULT_REMEMBERED_EVENTS);
  let acknowledgements = createAcknowledgements(memory);
  const messages = reconnectingStream<ConsumeOrdersResponse>(options, {
    open(client, callOptions) {
      acknowledgements = createAcknowledgements(memory);
      return client.consumeOrders(consumeRequests(openRequest(options), acknowledgements), callOptions);
    },
    // No events follow. Others get this consumer's share when it leaves; it comes back when the server wants it to.
    isDrained: () => acknowledgements.areComplete(),
    beforeClose(stream) {
      acknowledgements.close();
      return untilStored(acknowledgements, stream);
    },
  });
  for await (const message of messages) {
    const acknowledge = acknowledgements.track(message);
    yield { ...message, events: message.events.filter(({ eventId }) => !memory.has(eventId)), acknowledge };
  }
}

/** The server, told that no request follows, stores what was acknowledged and ends the stream. */
async function untilStored(
  acknowledgements: Acknowledgements,
  stream: MessageStream<ConsumeOrdersResponse>,
): Promise<void> {
  const deadlineMs = performance.now() + STORE_DEADLINE_MS;
  while (!acknowledgements.areStored()) {
    const received = await stream.receive(Math.max(0, deadlineMs - performance.now()));
    if (!received || 'end' in received) return;
    acknowledgements.track(received.message);
  }
}

async function* consumeRequests(
  open: DeepPartial<ConsumeOrdersRequest_Open>,
  acknowledgements: Acknowledgements,
): AsyncGenerator<DeepPartial<ConsumeOrdersRequest>, void, undefined> {
  yield { request: { $case: 'open', value: open } };
  for await (const ackToken of acknowledgements.tokens()) {
    yield { request: { $case: 'acknowledge', value: { ackToken } } };
  }
}

function openRequest({
  subscription,
  filter,
  start,
  maxUnacknowledgedEvents,
  heartbeatIntervalMs,
  maxBatchSize,
}: ConsumeOrdersOptions): DeepPartial<ConsumeOrdersRequest_Open> {
  return {
    subscription,
    filter,
    start: start && { position: start },
    maxUnacknowledgedEvents: maxUnacknowledgedEvents ?? 0,
    heartbeatInterval: toDuration(heartbeatIntervalMs),
    maxBatchSize: maxBatchSize ?? 0,
  };
}
