import { randomUUID } from 'node:crypto';
import type { Order } from '@order-events/domain';
import { encodeOrderEvent } from '@order-events/messaging';

/** Trace context as the API stores it with each event. */
export const SAMPLE_HEADERS = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };

/** An order of two lines, of one of so many customers: its events are some 700 bytes of JSON. */
export function sampleOrder(position: number, customers = 1_000): Order {
  const placedAt = new Date('2026-02-17T10:00:00.123Z');
  const items = [
    { sku: `sku-${String(position).padStart(6, '0')}`, quantity: 2, unitPriceMinor: 1999 },
    { sku: 'gift-wrap-large', quantity: 1, unitPriceMinor: 350 },
  ];
  return {
    orderId: randomUUID(),
    customerId: `customer-${position % customers}`,
    status: 'pending',
    version: 1,
    currency: 'EUR',
    items,
    totalMinor: 4348,
    createdAt: placedAt,
    updatedAt: placedAt,
  };
}

/** Payload of the event that a change of the order makes. */
export function changePayload(order: Order, eventId: string): string {
  return encodeOrderEvent({
    eventId,
    eventType: 'order.updated',
    previousStatus: order.status,
    occurredAt: order.updatedAt,
    order,
  });
}

const NUMBERED_ID_PREFIX = '0199b000-0000-7000-8000-';

/** An event id that carries a number, so that a reader can tell the event without decoding it. */
export function numberedEventId(number: number): string {
  return NUMBERED_ID_PREFIX + number.toString(16).padStart(12, '0');
}

/** The number in such an id as a record's headers carry it, by CloudEvents or by Debezium; NaN when there is none. */
export function numberOfEvent(headers: Readonly<Record<string, Buffer | null | undefined>>): number {
  const header = headers['ce_id'] ?? headers['id'];
  return Number.parseInt(header?.toString('latin1', NUMBERED_ID_PREFIX.length) ?? '', 16);
}
