export type { Clock } from './clock.ts';
export { DomainError, InvalidOrderError, InvalidStatusTransitionError } from './domain-error.ts';
export type { EventPublisher, PublishableEvent, PublishOutcome } from './event-publisher.ts';
export {
  isPossibleId,
  MAX_CUSTOMER_ID_LENGTH,
  MAX_SKU_LENGTH,
  newIdFault,
  NO_CONTROL_CHARACTERS,
} from './external-id.ts';
export { changeOrderStatus, placeOrder, updateOrder } from './order-commands.ts';
export type { CommandContext, OrderChange, OrderDetails, OrderWrite } from './order-commands.ts';
export { type ImportedOrder, importOrder, isImportOf } from './order-import.ts';
export { ORDER_EVENT_TYPES } from './order-event.ts';
export type { OrderEvent, OrderEventType } from './order-event.ts';
export { ORDER_STATUSES } from './order-status.ts';
export type { OrderStatus } from './order-status.ts';

export type { Order, OrderItem } from './order.ts';
