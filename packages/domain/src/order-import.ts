import { InvalidOrderError } from './domain-error.ts';
import { checkedTotal, type CommandContext, type OrderWrite, written } from './order-commands.ts';
import type { Order } from './order.ts';

/** An order that was placed elsewhere, before this system had it. Its ids are taken as they are: they are not new. */
export type ImportedOrder = Omit<Order, 'totalMinor'>;

/** Takes over an order as it is, with its id, version and times. Throws InvalidOrderError. */
export function importOrder(imported: ImportedOrder, context: CommandContext): OrderWrite {
  const { orderId, createdAt, updatedAt } = imported;
  if (updatedAt < createdAt) {
    throw new InvalidOrderError(`order ${orderId} was changed before it was created`);
  }
  if (updatedAt > context.now) {
    throw new InvalidOrderError(`order ${orderId} was changed at a time that is still to come`);
  }
  const order = { ...imported, totalMinor: checkedTotal(imported.items) };
  return written(order, 'order.created', undefined, { ...context, now: updatedAt });
}

/**
 * Whether `present` is what has become of `imported`: the same order, as it was or with later changes. So an import that is run again
 * takes what it has brought for done, also when it has been changed here since.
 */
export function isImportOf(present: Order, imported: ImportedOrder): boolean {
  const isSame =
    present.customerId === imported.customerId &&
    present.currency === imported.currency &&
    present.createdAt.getTime() === imported.createdAt.getTime();
  if (!isSame || present.version < imported.version) return false;
  return present.version > imported.version || isAsItWas(present, imported);
}

function isAsItWas(present: Order, { status, updatedAt, items }: ImportedOrder): boolean {
  return (
    present.status === status &&
    present.updatedAt.getTime() === updatedAt.getTime() &&
    present.items.length === items.length &&
    present.items.every((line, index) => {
      const other = items[index];
      return (
        line.sku === other?.sku &&
        line.quantity === other.quantity &&
        line.unitPriceMinor === other.unitPriceMinor
      );
    })
  );
}
