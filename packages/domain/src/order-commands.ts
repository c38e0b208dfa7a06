import { InvalidOrderError, InvalidStatusTransitionError } from './domain-error.ts';
import { newIdFault } from './external-id.ts';
import type { OrderEvent, OrderEventType } from './order-event.ts';
import { canTransition, isEditable, type OrderStatus } from './order-status.ts';
import { type Order, type OrderItem, totalMinor } from './order.ts';

/** What a command cannot know by itself: the time and a fresh event id. */
export interface CommandContext {
  readonly now: Date;
  readonly eventId: string;
}

/** What the customer decides when placing an order. */
export interface OrderDetails {
  readonly customerId: string;
  readonly currency: string;
  readonly items: readonly OrderItem[];
}

/** What may change while an order is editable; an absent field stays as it is. */
export interface OrderChange {
  readonly items?: readonly OrderItem[];
}

/** The outcome of a command: the order to store and the events that must be stored with it; there is no change without one. */
export interface OrderWrite {
  readonly order: Order;
  readonly events: readonly [OrderEvent, ...OrderEvent[]];
}

/** Places a new order. Throws InvalidOrderError. */
export function placeOrder(details: OrderDetails, orderId: string, context: CommandContext): OrderWrite {
  requireNewId('the customer id', details.customerId);
  requireNewSkus(details.items, []);
  const order: Order = {
    orderId,
    customerId: details.customerId,
    status: 'pending',
    version: 1,
    currency: details.currency,
    items: details.items,
    totalMinor: checkedTotal(details.items),
    createdAt: context.now,
    updatedAt: context.now,
  };
  return written(order, 'order.created', undefined, context);
}

/** Changes the lines of an order; also to those that it has: whoever asks for a change gets a version. Throws InvalidOrderError when it is not editable any more. */
export function updateOrder(current: Order, change: OrderChange, context: CommandContext): OrderWrite {
  if (!isEditable(current.status)) {
    throw new InvalidOrderError(
      `an order that is ${current.status} cannot be changed; only pending and confirmed orders can`,
    );
  }
  const items = change.items ?? current.items;
  requireNewSkus(items, current.items);
  const order = { ...nextVersion(current, context), items, totalMinor: checkedTotal(items) };
  return written(order, 'order.updated', current.status, context);
}

/** Moves an order to another status. Throws InvalidStatusTransitionError. */
export function changeOrderStatus(current: Order, status: OrderStatus, context: CommandContext): OrderWrite {
  if (!canTransition(current.status, status)) {
    throw new InvalidStatusTransitionError(current.status, status);
  }
  const order = { ...nextVersion(current, context), status };
  return written(order, 'order.status_changed', current.status, context);
}

function nextVersion(current: Order, context: CommandContext): Order {
  return { ...current, version: current.version + 1, updatedAt: context.now };
}

/** An order keeps the articles that it has, whatever was allowed when it got them. */
function requireNewSkus(items: readonly OrderItem[], present: readonly OrderItem[]): void {
  const presentSkus = new Set(present.map(({ sku }) => sku));
  items.forEach(({ sku }, index) => {
    if (!presentSkus.has(sku)) requireNewId(`the sku of line ${index + 1}`, sku);
  });
}

function requireNewId(name: string, id: string): void {
  const fault = newIdFault(id);
  if (fault !== undefined) throw new InvalidOrderError(`${name} ${fault}`);
}

/** Sum of the lines. Throws InvalidOrderError for lines that cannot be those of an order. */
export function checkedTotal(items: readonly OrderItem[]): number {
  if (items.length === 0) throw new InvalidOrderError('an order needs at least one item');
  for (const item of items) {
    if (!Number.isSafeInteger(item.quantity) || item.quantity < 1) {
      throw new InvalidOrderError(`quantity of ${item.sku} must be a whole number of at least 1`);
    }
    if (!Number.isSafeInteger(item.unitPriceMinor) || item.unitPriceMinor < 0) {
      throw new InvalidOrderError(`price of ${item.sku} must be a whole number of minor units, 0 or more`);
    }
  }
  const total = totalMinor(items);
  // Beyond this a sum of safe integers is rounded without notice.
  if (!Number.isSafeInteger(total)) throw new InvalidOrderError('the total of the order is too large');
  return total;
}

export function written(
  order: Order,
  eventType: OrderEventType,
  previousStatus: OrderStatus | undefined,
  context: CommandContext,
): OrderWrite {
  return {
    order,
    events: [{ eventId: context.eventId, eventType, previousStatus, occurredAt: context.now, order }],
  };
}
