import type { OrderStatus } from './order-status.ts';

/** A line of an order. */
export interface OrderItem {
  readonly sku: string;
  /** Pieces, at least 1. */
  readonly quantity: number;
  /** Price of one piece, in minor units of the order's currency. */
  readonly unitPriceMinor: number;
}

export interface Order {
  readonly orderId: string;
  readonly customerId: string;
  readonly status: OrderStatus;
  /** 1 when placed, one more with each change. */
  readonly version: number;
  /** ISO 4217, for example "EUR". */
  readonly currency: string;
  readonly items: readonly OrderItem[];
  /** Sum of the lines, in minor units of `currency`. */
  readonly totalMinor: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Sum of the lines in minor units; not a safe integer when the sum is too large (the caller refuses it). */
export function totalMinor(items: readonly OrderItem[]): number {
  return items.reduce((sum, item) => sum + item.quantity * item.unitPriceMinor, 0);
}
