import { type OrderEvent, OrderStatus } from '@order-events/order-stream';

export interface Notification {
  /** Id of the event. */
  readonly id: string;
  readonly customerId: string;
  readonly orderId: string;
  readonly text: string;
}

const TEXTS: Partial<Record<OrderStatus, string>> = {
  [OrderStatus.CONFIRMED]: 'is confirmed',
  [OrderStatus.SHIPPED]: 'is on its way',
  [OrderStatus.DELIVERED]: 'has arrived',
  [OrderStatus.CANCELLED]: 'is cancelled',
};

/** What a customer is told about. */
export const NOTIFIED_STATUSES = Object.keys(TEXTS) as OrderStatus[];

export function notificationOf({ eventId, customerId, orderId, status }: OrderEvent): Notification {
  return {
    id: eventId,
    customerId,
    orderId,
    text: `Your order ${orderId} ${TEXTS[status] ?? 'has changed'}.`,
  };
}
