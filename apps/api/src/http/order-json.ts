import type { Order, OrderItem } from '@order-events/domain';
import type { z } from 'zod';
import type { orderAnswer, placeOrderBody } from './order-schemas.ts';

/** An order as the API answers it. */
export function orderJson(order: Order): z.input<typeof orderAnswer> {
  return {
    order_id: order.orderId,
    customer_id: order.customerId,
    status: order.status,
    version: order.version,
    currency: order.currency,
    items: order.items.map((item) => ({
      sku: item.sku,
      quantity: item.quantity,
      unit_price_minor: item.unitPriceMinor,
    })),
    total_minor: order.totalMinor,
    created_at: order.createdAt.toISOString(),
    updated_at: order.updatedAt.toISOString(),
  };
}

export function itemsOfBody(items: z.output<typeof placeOrderBody>['items']): OrderItem[] {
  return items.map((item) => ({
    sku: item.sku,
    quantity: item.quantity,
    unitPriceMinor: item.unit_price_minor,
  }));
}

/** Strong validator of an order's representation. */
export function etagOf(order: Order): string {
  return `"v${order.version}"`;
}
