import { randomUUID } from 'node:crypto';
import type { OrderEvent, OrderEventType, OrderStatus } from '@order-events/domain';
import {
  encodeOrderEvent,
  type LogRecord,
  orderEventHeaders,
  type PartitionBatch,
} from '@order-events/messaging';

export interface TestEvent {
  readonly eventId?: string;
  readonly orderId?: string;
  readonly customerId?: string;
  readonly status?: OrderStatus;
  /** Pending unless it is said, of an order that was not created with this event. */
  readonly previousStatus?: OrderStatus | undefined;
  readonly eventType?: OrderEventType;
  readonly version?: number;
  /** Lines of the order: how large the event is. */
  readonly items?: number;
}

/** An order event of which the test says only what it is about. */
export function orderEvent(given: TestEvent = {}): OrderEvent {
  const { status = 'pending', version = given.previousStatus ? 2 : 1, items = 1 } = given;
  const eventType = given.eventType ?? (version === 1 ? 'order.created' : 'order.status_changed');
  const now = new Date();
  return {
    eventId: given.eventId ?? randomUUID(),
    eventType,
    previousStatus: eventType === 'order.created' ? undefined : (given.previousStatus ?? 'pending'),
    occurredAt: now,
    order: {
      orderId: given.orderId ?? randomUUID(),
      customerId: given.customerId ?? 'customer-1',
      status,
      version,
      currency: 'EUR',
      items: Array.from({ length: items }, (_, index) => ({
        sku: `sku-${index}`,
        quantity: 2,
        unitPriceMinor: 450,
      })),
      totalMinor: items * 900,
      createdAt: now,
      updatedAt: now,
    },
  };
}

/** A batch as the log reader brings it: one record per event; undefined makes a record that is no order event. */
export function logBatch(
  partition: number,
  from: bigint,
  events: readonly (OrderEvent | undefined)[],
): PartitionBatch {
  const records = events.map((event, index): LogRecord => {
    const headers = event ? orderEventHeaders(event) : {};
    return {
      partition,
      offset: from + BigInt(index),
      timestampMs: Date.now(),
      key: event ? Buffer.from(event.order.orderId) : null,
      value: event ? Buffer.from(encodeOrderEvent(event)) : Buffer.from('no order event'),
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)])),
    };
  });
  const nextOffset = from + BigInt(events.length);
  return { partition, records, nextOffset, highWatermark: nextOffset, logStartOffset: 0n };
}
