import { isSampled, type RunningSpan, startLinkedSpan, type Tracing } from '@order-events/runtime';
import type { OrderEvent } from './gen/orders/v1/order_stream.ts';

export interface ProcessSpanOptions {
  /** Whose spans; undefined makes none. */
  readonly tracing: Tracing | undefined;
  /** What the events come from, as the span is to name it. */
  readonly destination?: string;
  /** Empty for a watch. */
  readonly subscription?: string;
}

/**
 * A span for the work that one event causes, linked to the event's creation context, which is its parent too: the work is part of the
 * trace that began with the request. End it when the work has ended. Undefined when nobody records the event.
 */
export function startProcessSpan(
  event: OrderEvent,
  { tracing, destination = 'orders.events', subscription }: ProcessSpanOptions,
): RunningSpan | undefined {
  const { traceparent } = event;
  if (!tracing || !isSampled(traceparent)) return undefined;
  const ofMessage = {
    'messaging.message.id': event.eventId,
    'messaging.kafka.offset': Number(event.offset),
  };
  const attributes = {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': destination,
    'messaging.destination.partition.id': String(event.partition),
    'messaging.destination.subscription.name': subscription,
    'messaging.kafka.message.key': event.orderId,
    ...ofMessage,
  };
  return startLinkedSpan(tracing, { name: `process ${destination}`, kind: 'consumer', attributes }, [
    { traceparent, attributes: ofMessage },
  ]);
}
