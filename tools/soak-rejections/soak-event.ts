import { encodeOrderEvent, keyHash, orderEventHeaders } from '@order-events/messaging';
import type { Order } from '@order-events/domain';
import type { OrderEvent } from '@order-events/order-stream';
import type { Message } from 'kafkajs';
import { producedAtMs, stampedEventId } from '../bench-gateway/stamped-event.ts';
import { SAMPLE_HEADERS } from '../bench/sample-orders.ts';

/** Digits of the number in the id of a stamped event. */
const NUMBER_DIGITS = 8;

/** A record of an event that carries its number, and when it was made. */
export function soakMessage(event: number, order: Order, nowMs: number, partitions: number): Message {
  const made = {
    eventId: stampedEventId(event, nowMs),
    eventType: 'order.updated',
    previousStatus: order.status,
    occurredAt: new Date(),
    order,
  } as const;
  return {
    key: order.orderId,
    partition: keyHash(order.orderId) % partitions,
    value: encodeOrderEvent(made),
    headers: orderEventHeaders(made, SAMPLE_HEADERS.traceparent),
  };
}

export function soakEventNumber(eventId: string): number {
  return Number.parseInt(eventId.slice(0, NUMBER_DIGITS), 16);
}

/** On the machine's monotonic clock. */
export function soakEventMadeAtMs({ eventId }: OrderEvent): number {
  return producedAtMs(Buffer.from(eventId, 'latin1'), 0);
}
