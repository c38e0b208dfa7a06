import { type Acknowledgements, createAcknowledgements, type Rejection } from './acknowledgements.ts';
import { createConnector } from './client.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { toDuration } from './duration.ts';
import { createEventMemory } from './event-memory.ts';
import type {
  ConsumeOrdersRequest,
  ConsumeOrdersRequest_Open,
  ConsumeOrdersResponse,
  DeepPartial,
  OrderEvent,
  OrderFilter,
  StartPosition,
} from './gen/orders/v1/order_stream.ts';
import type { MessageStream } from './message-stream.ts';
import { DEFAULT_REMEMBERED_EVENTS, reconnectingStream, type StreamOptions } from './reconnecting-stream.ts';

export interface ConsumeOrdersOptions extends StreamOptions, ConnectionOptions {
  /** Name of the shared subscription: 1 to 200 of a-z, 0-9, '.', '_', '-'. */
  readonly subscription: string;
  /** Which events; default all. Must be the same for all consumers of a subscription; `SeekSubscription` changes it. */
  readonly filter?: Partial<OrderFilter>;
  /** Where a new subscription starts; default the oldest retained event. Without effect once it has a position. */
  readonly start?: NonNullable<StartPosition['position']>;
  /** Most events given and not acknowledged; default is the server's. */
  readonly maxUnacknowledgedEvents?: number;
  /** How rejected events come again; without it nothing can be rejected. `{}` takes the server's defaults. */
  readonly rejectPolicy?: RejectPolicyOptions;
  /** The server ends a stream that has not acknowledged an event for so long, and gives its orders to another; default never. */
  readonly acknowledgeTimeoutMs?: number;
}

/** Defaults are the server's: 5 attempts, delays of 1 s that double up to 5 minutes. */
export interface RejectPolicyOptions {
  /** With the rejection of so many deliveries the order is set aside, until somebody decides. */
  readonly maxAttempts?: number;
  readonly firstDelayMs?: number;
  /** Each delay is so many times the one before. */
  readonly growth?: number;
  readonly maxDelayMs?: number;
}

/** A message of the server, and how to say that it is handled. */
export type ConsumedBatch = ConsumeOrdersResponse & {
  /**
   * Everything up to here is handled: this batch and all that were given before it on the same connection. The events come again,
   * to this consumer or another one of the subscription, until that is stored.
   */
  acknowledge(): void;
  /**
   * An event of this batch is not handled: it comes again, and then what follows of its order; all other orders go on. So handle nothing
   * that was given behind it of its order: that comes again as well. Acknowledge past it as if it were handled. Throws a TypeError
   * without a `rejectPolicy`, and for an event that is acknowledged, rejected or not of this batch.
   */
  reject(event: OrderEvent, rejection: Rejection): void;
  /**
   * An event of this batch, and what was given behind it of its order, is left alone, since AssignmentChanged has said that others have its
   * partition: should it come here again, it is given again, although this batch is acknowledged.
   */
  giveBack(event: OrderEvent): void;
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
  const messages = reconnectingStream<ConsumeOrdersResponse>(options, createConnector(options), {
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
    const { events, acknowledge, reject, giveBack } = acknowledgements.track(message);
    yield {
      ...message,
      events: events.filter(({ eventId }) => !memory.has(eventId)),
      acknowledge,
      reject: options.rejectPolicy ? reject : refuseToReject,
      giveBack,
    };
  }
}

function refuseToReject(): never {
  throw new TypeError('nothing can be rejected without a rejectPolicy: give consumeOrders one');
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
  yield* acknowledgements.requests();
}

function openRequest({
  subscription,
  filter,
  start,
  maxUnacknowledgedEvents,
  heartbeatIntervalMs,
  maxBatchSize,
  rejectPolicy,
  acknowledgeTimeoutMs,
}: ConsumeOrdersOptions): DeepPartial<ConsumeOrdersRequest_Open> {
  return {
    subscription,
    filter,
    start: start && { position: start },
    maxUnacknowledgedEvents: maxUnacknowledgedEvents ?? 0,
    heartbeatInterval: toDuration(heartbeatIntervalMs),
    maxBatchSize: maxBatchSize ?? 0,
    acknowledgeTimeout: toDuration(acknowledgeTimeoutMs),
    rejectPolicy: rejectPolicy && {
      maxAttempts: rejectPolicy.maxAttempts ?? 0,
      firstDelay: toDuration(rejectPolicy.firstDelayMs),
      growth: rejectPolicy.growth ?? 0,
      maxDelay: toDuration(rejectPolicy.maxDelayMs),
    },
  };
}
