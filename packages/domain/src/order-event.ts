import type { OrderStatus } from './order-status.ts';
import type { Order } from './order.ts';

export const ORDER_EVENT_TYPES = ['order.created', 'order.updated', 'order.status_changed'] as const;

export type OrderEventType = (typeof ORDER_EVENT_TYPES)[number];

/** A change of one order. It carries the whole order after the change, so that nobody has to call back. */
export interface OrderEvent {
  /** Globally unique; consumers de-duplicate by it. */
  readonly eventId: string;
  readonly eventType: OrderEventType;
  /** Undefined when the order was created. */
  readonly previousStatus: OrderStatus | undefined;
  readonly occurredAt: Date;
  /** The order after the change. */
  readonly order: Order;
}
