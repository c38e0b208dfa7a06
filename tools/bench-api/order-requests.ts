import { randomUUID } from 'node:crypto';
import { sampleOrder } from '../bench/sample-orders.ts';
import type { Door } from './api-doors.ts';
import type { ApiProcess, ApiRequest } from './api-process.ts';

/** Enough that those who change orders seldom meet at one. */
const ORDERS = 2_000;
const PLACED_AT_ONCE = 16;
const PAGE_SIZE = 50;

const { customerId, currency, items } = sampleOrder(0);
const LINES = items.map(({ sku, quantity, unitPriceMinor }) => ({
  sku,
  quantity,
  unit_price_minor: unitPriceMinor,
}));

export const CREATE: ApiRequest = {
  method: 'POST',
  path: '/orders',
  body: JSON.stringify({ customer_id: customerId, currency, items: LINES }),
  status: 201,
};

/** As `CREATE`, with a key that nobody has sent before. */
export function createOnce(): ApiRequest {
  return { ...CREATE, headers: { 'idempotency-key': randomUUID() } };
}

export const LIST: ApiRequest = { method: 'GET', path: `/orders?page_size=${PAGE_SIZE}`, status: 200 };

/** Requests about orders that are there. */
export interface KnownOrders {
  read(): ApiRequest;
  /** Of the order that has rested longest. */
  change(): ApiRequest;
}

/** Places orders to be read and changed. */
export async function placeOrders(api: ApiProcess, door: Door): Promise<KnownOrders> {
  const ids: string[] = [];
  async function placeSome(): Promise<void> {
    while (ids.length < ORDERS) {
      // Of an answer of ours.
      const order = JSON.parse(await api.send(door, CREATE)) as { readonly order_id: string };
      ids.push(order.order_id);
    }
  }
  await Promise.all(Array.from({ length: PLACED_AT_ONCE }, placeSome));
  let next = 0;
  const path = () => `/orders/${ids[next++ % ids.length]}`;
  return {
    read: () => ({ method: 'GET', path: path(), status: 200 }),
    change() {
      const lines = LINES.map((line, index) => (index === 0 ? { ...line, quantity: 1 + (next % 9) } : line));
      return { method: 'PATCH', path: path(), body: JSON.stringify({ items: lines }), status: 200 };
    },
  };
}
