import { toDuration } from './duration.ts';
import { createEventMemory } from './event-memory.ts';
import type {
  DeepPartial,
  OrderFilter,
  StartPosition,
  WatchOrdersRequest,
  WatchOrdersResponse,
} from './gen/orders/v1/order_stream.ts';
import { DEFAULT_REMEMBERED_EVENTS, reconnectingStream, type StreamOptions } from './reconnecting-stream.ts';

export interface WatchOrdersOptions extends StreamOptions {
  /** Which events; default all. */
  readonly filter?: Partial<OrderFilter>;
  /** Where to start; default the live edge. Give a stored resume token to go on after a restart of the process. */
  readonly start?: NonNullable<StartPosition['position']>;
  /** Report a gap, instead of an error, when the start is no longer in the log. */
  readonly allowGap?: boolean;
}

/**
 * Watches orders for as long as it is iterated, over any number of connections: whatever ends a stream, the next one goes on after
 * the last message. No event is lost while the log holds it, and none is told twice within the memory.
 *
 * It gives whole messages, also those without events: their tokens say how far the filter has read, so that a stored token does not
 * grow old while nothing matches. Store `resumeToken` once the events of its message are handled.
 *
 * Ends without an error when `signal` aborts. Throws an OrderStreamError when no retry can mend the refusal.
 */
export async function* watchOrders(
  options: WatchOrdersOptions,
): AsyncGenerator<WatchOrdersResponse, void, undefined> {
  const memory = createEventMemory(options.rememberedEvents ?? DEFAULT_REMEMBERED_EVENTS);
  let start = options.start ?? { $case: 'latest', value: true };
  const goOnAfter = (resumeToken: string | undefined) => {
    if (resumeToken) start = { $case: 'resumeToken', value: resumeToken };
  };
  const messages = reconnectingStream(options, {
    open: (client, callOptions) => client.watchOrders(watchRequest(options, start), callOptions),
    onEnd: goOnAfter,
  });
  for await (const message of messages) {
    yield { ...message, events: message.events.filter(({ eventId }) => memory.remember(eventId)) };
    goOnAfter(message.resumeToken);
  }
}

function watchRequest(
  { filter, allowGap, heartbeatIntervalMs, maxBatchSize }: WatchOrdersOptions,
  position: NonNullable<StartPosition['position']>,
): DeepPartial<WatchOrdersRequest> {
  return {
    filter,
    start: { position },
    allowGap: allowGap ?? false,
    heartbeatInterval: toDuration(heartbeatIntervalMs),
    maxBatchSize: maxBatchSize ?? 0,
  };
}
