import type { OrderEvent } from '@order-events/domain';

/** The record header that carries the id of the event; the topic is searched by it for what is already published. */
export const EVENT_ID_HEADER = 'ce_id';

/**
 * Headers of an order event on the topic: CloudEvents 1.0 in Kafka's binary mode, and the W3C trace context of the request
 * that made the change, when it had one.
 */
export function orderEventHeaders(
  event: Pick<OrderEvent, 'eventId' | 'eventType'>,
  traceparent?: string,
  tracestate?: string,
): Record<string, string> {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    [EVENT_ID_HEADER]: event.eventId,
    ce_type: event.eventType,
    ce_source: '/orders',
    'content-type': 'application/json',
  };
  if (traceparent !== undefined) headers.traceparent = traceparent;
  if (tracestate !== undefined) headers.tracestate = tracestate;
  return headers;
}
