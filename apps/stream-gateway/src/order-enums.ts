import type { OrderEventType as EventType, OrderStatus as Status } from '@order-events/domain';
import { OrderEventType, OrderStatus } from '@order-events/order-stream';

/** The names of the contract for the domain's words. */
export const STATUS_NAMES: Readonly<Record<Status, OrderStatus>> = {
  pending: OrderStatus.PENDING,
  confirmed: OrderStatus.CONFIRMED,
  processing: OrderStatus.PROCESSING,
  shipped: OrderStatus.SHIPPED,
  delivered: OrderStatus.DELIVERED,
  cancelled: OrderStatus.CANCELLED,
};

export const EVENT_TYPE_NAMES: Readonly<Record<EventType, OrderEventType>> = {
  'order.created': OrderEventType.CREATED,
  'order.updated': OrderEventType.UPDATED,
  'order.status_changed': OrderEventType.STATUS_CHANGED,
};
