import type { Tables } from '@order-events/database';
import { ORDER_STATUSES, type Order, type OrderItem } from '@order-events/domain';
import type { Insertable, Selectable } from 'kysely';

/** The row of an order; `items` goes in as JSON text, because node-postgres would write an array as a Postgres array. */
export function orderRow(order: Order): Insertable<Tables['orders']> {
  return {
    id: order.orderId,
    customer_id: order.customerId,
    status: order.status,
    version: order.version,
    currency: order.currency,
    items: JSON.stringify(order.items.map(itemJson)),
    total_minor: order.totalMinor,
    created_at: order.createdAt,
    updated_at: order.updatedAt,
  };
}

export function orderOfRow(row: Selectable<Tables['orders']>): Order {
  const status = ORDER_STATUSES.find((known) => known === row.status);
  if (!status) throw new Error(`order ${row.id} has the unknown status ${row.status}`);
  return {
    orderId: row.id,
    customerId: row.customer_id,
    status,
    version: row.version,
    currency: row.currency,
    items: row.items.map((item) => ({
      sku: item.sku,
      quantity: item.quantity,
      unitPriceMinor: item.unit_price_minor,
    })),
    totalMinor: Number(row.total_minor),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function itemJson(item: OrderItem) {
  return { sku: item.sku, quantity: item.quantity, unit_price_minor: item.unitPriceMinor };
}
