/**
 * @import { OrderEvent, OrderStatus } from './order-stream.js'
 * @typedef {{ readonly orderId: string, readonly version: bigint, readonly status: OrderStatus }} BoardOrder
 */

/** Which order has which status, as far as events told it; the orders that changed longest ago are forgotten first. */
export function createOrderBoard({ maxOrders = 10_000 } = {}) {
  /** In the order of their last change. @type {Map<string, BoardOrder>} */
  const orders = new Map();
  /** The same orders, in the same order. @type {Map<OrderStatus, Map<string, BoardOrder>>} */
  const byStatus = new Map();

  /** @param {string} orderId */
  function forget(orderId) {
    const known = orders.get(orderId);
    if (!known) return;
    orders.delete(orderId);
    byStatus.get(known.status)?.delete(orderId);
  }

  return {
    /** @param {Pick<OrderEvent, 'orderId' | 'orderVersion' | 'status'>} event */
    add({ orderId, orderVersion: version, status }) {
      const known = orders.get(orderId);
      if (known && known.version >= version) return;
      forget(orderId);
      const order = { orderId, version, status };
      orders.set(orderId, order);
      const column = byStatus.get(status) ?? new Map();
      byStatus.set(status, column.set(orderId, order));
      const [oldest] = orders.keys();
      if (orders.size > maxOrders && oldest !== undefined) forget(oldest);
    },
    /** @param {OrderStatus} status */
    count: (status) => byStatus.get(status)?.size ?? 0,
    /**
     * The newest first.
     * @param {OrderStatus} status
     * @param {number} most
     * @returns {BoardOrder[]}
     */
    newest: (status, most) => [...(byStatus.get(status)?.values() ?? [])].slice(-most).reverse(),
  };
}
