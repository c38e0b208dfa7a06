import type { PendingEvent } from '@order-events/outbox';

/** Events of one order, in order. */
export function pendingEvents(...eventIds: string[]): PendingEvent[] {
  return eventIds.map((eventId, index) => ({
    seq: BigInt(index),
    eventId,
    eventType: 'order.updated',
    key: 'order-1',
    partition: 0,
    payload: '{}',
    headers: {},
    createdAt: new Date(0),
  }));
}
