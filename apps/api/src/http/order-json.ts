import { createHash } from 'node:crypto';
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

/**
 * Weak validator of a page: made of what tells the states of its orders and of what leads on, not of the bytes, so that a page that the
 * client has is recognized before it is written.
 */
export function listEtagOf(orders: readonly Order[], leadsOn: string | null): string {
  const states = orders.map(({ orderId, version }) => [orderId, version]);
  const hash = createHash('sha256').update(JSON.stringify([states, leadsOn]));
  return `W/"${hash.digest().subarray(0, LIST_TAG_BYTES).toString('base64url')}"`;
}

/** Half of SHA-256: no two pages meet by chance. */
const LIST_TAG_BYTES = 16;
