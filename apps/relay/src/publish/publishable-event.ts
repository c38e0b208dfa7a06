import type { PublishableEvent } from '@order-events/domain';
import { REPLAY_ID_HEADER } from '@order-events/messaging';
import { orderEventHeaders } from '@order-events/messaging/order-event-headers';
import type { PendingEvent } from '@order-events/outbox/pending-event';

/** The event as the topic carries it: the row's payload untouched, under CloudEvents headers. */
export function publishableEvent(event: PendingEvent): PublishableEvent {
  const headers = orderEventHeaders(event, event.headers['traceparent'], event.headers['tracestate']);
  if (event.replayId !== undefined) headers[REPLAY_ID_HEADER] = event.replayId;
  return {
    eventId: event.eventId,
    key: event.key,
    partition: event.partition,
    value: event.payload,
    headers,
  };
}
