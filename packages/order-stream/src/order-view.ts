import type { Order } from './gen/orders/v1/order_stream.ts';
import { followOrders, type FollowOrdersOptions } from './follow-orders.ts';
import type { FollowedItem } from './followed-item.ts';

export interface ViewedOrder {
  readonly orderId: string;
  readonly orderVersion: bigint;
  readonly order: Order;
}

export interface ViewOrdersOptions extends Omit<FollowOrdersOptions, 'resume'> {
  /** A checkpoint, and the orders of the view when it was told. */
  readonly resume?: { readonly checkpoint: string; readonly orders: readonly ViewedOrder[] };
}

/** The orders that match a filter, as they are. */
export interface OrderView {
  readonly orders: ReadonlyMap<string, ViewedOrder>;
  /** Whether all are there. Not so while the list is read. */
  isComplete(): boolean;
  /**
   * Every change that was committed before this time of the database is in the view: each order is as it was then, or as it became later.
   * It never goes back but for a listing, with which it is undefined, as it is while nothing is known.
   */
  completeThroughTime(): Date | undefined;
  /** Settles when it is complete for the first time; rejects when it cannot become so. */
  readonly complete: Promise<void>;
  /** Settles when it has ended; rejects with the refusal that no retry mends. */
  readonly ended: Promise<void>;
  /** Stops following; the orders stay as they were. */
  close(): Promise<void>;
}

/** Follows orders and keeps them. `onItem` is told everything, after it is in the view. */
export function viewOrders(
  options: ViewOrdersOptions,
  onItem: (item: FollowedItem) => void = () => {},
): OrderView {
  const orders = new Map(options.resume?.orders.map((order) => [order.orderId, order]));
  const closing = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, closing.signal]) : closing.signal;
  const complete = Promise.withResolvers<void>();
  let isComplete = false;
  let throughTime: Date | undefined;

  function take(item: FollowedItem): void {
    if (item.kind === 'order') {
      const { orderId, orderVersion, order } = item;
      orders.set(orderId, { orderId, orderVersion, order });
    } else if (item.kind === 'left') orders.delete(item.orderId);
    else if (item.kind !== 'progress') isComplete = item.kind === 'complete';
    if (item.kind === 'listing') throughTime = undefined;
    else if ('completeThroughTime' in item) throughTime = later(throughTime, item.completeThroughTime);
    if (isComplete) complete.resolve();
    onItem(item);
  }

  async function follow(): Promise<void> {
    try {
      for await (const item of followOrders({ ...options, signal })) take(item);
      complete.reject(new Error('the view was closed before it was complete'));
    } catch (error) {
      complete.reject(error);
      throw error;
    } finally {
      isComplete = false;
    }
  }

  const ended = follow();
  // Whoever does not ask is not ended by it.
  ended.catch(() => {});
  complete.promise.catch(() => {});
  return {
    orders,
    isComplete: () => isComplete,
    completeThroughTime: () => throughTime,
    complete: complete.promise,
    ended,
    async close() {
      closing.abort();
      await ended.catch(() => {});
    },
  };
}

/** A stream that follows another one may stand behind it for a while. */
function later(before: Date | undefined, now: Date | undefined): Date | undefined {
  return before && (!now || now < before) ? before : now;
}
