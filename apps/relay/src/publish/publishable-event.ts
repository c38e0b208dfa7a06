import type { PublishableEvent } from '@order-events/domain';
import { orderEventHeaders } from '@order-events/messaging/order-event-headers';
import type { PendingEvent } from '../pending-event.ts';

/** The event as the topic carries it: the row's payload untouched, under CloudEvents headers. */
export function publishableEvent(event: PendingEvent): PublishableEvent {
  return {
    eventId: event.eventId,
    key: event.key,
    partition: event.partition,
    value: event.payload,
    headers: orderEventHeaders(event, event.headers['traceparent']),
  };
}
