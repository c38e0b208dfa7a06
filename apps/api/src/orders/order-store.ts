import type { Database, Transaction } from '@order-events/database';
import type { Order, OrderStatus, OrderWrite } from '@order-events/domain';
import { orderOfRow, orderRow } from './order-row.ts';

declare const stored: unique symbol;

/** A write whose order is in the table. Only the store makes one, so nothing else can be appended to the outbox. */
export type StoredOrderWrite = OrderWrite & { readonly [stored]: true };

export interface OrderListQuery {
  readonly status?: OrderStatus | undefined;
  readonly customerId?: string | undefined;
  readonly limit: number;
  /** Only orders older than this one. */
  readonly after?: { readonly createdAt: Date; readonly orderId: string } | undefined;
}

export interface OrderStore {
  create(transaction: Transaction, write: OrderWrite): Promise<StoredOrderWrite>;
  update(transaction: Transaction, write: OrderWrite): Promise<StoredOrderWrite>;
  /** Reads an order and keeps others from changing it until the transaction ends. */
  lock(transaction: Transaction, orderId: string): Promise<Order | undefined>;
  find(database: Database, orderId: string): Promise<Order | undefined>;
  /** Newest first. */
  list(database: Database, query: OrderListQuery): Promise<Order[]>;
}

export function createOrderStore(): OrderStore {
  return {
    async create(transaction, write) {
      await transaction.insertInto('orders').values(orderRow(write.order)).execute();
      return asStored(write);
    },

    async update(transaction, write) {
      const { id, created_at: _, ...changed } = orderRow(write.order);
      await transaction.updateTable('orders').set(changed).where('id', '=', id).execute();
      return asStored(write);
    },

    async lock(transaction, orderId) {
      const row = await transaction
        .selectFrom('orders')
        .selectAll()
        .where('id', '=', orderId)
        .forUpdate()
        .executeTakeFirst();
      return row && orderOfRow(row);
    },

    async find(database, orderId) {
      const row = await database
        .selectFrom('orders')
        .selectAll()
        .where('id', '=', orderId)
        .executeTakeFirst();
      return row && orderOfRow(row);
    },

    async list(database, { status, customerId, limit, after }) {
      let query = database.selectFrom('orders').selectAll();
      if (status) query = query.where('status', '=', status);
      if (customerId) query = query.where('customer_id', '=', customerId);
      if (after) {
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('created_at', 'id'), '<', tuple(after.createdAt, after.orderId)),
        );
      }
      const rows = await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
      return rows.map(orderOfRow);
    },
  };
}

function asStored(write: OrderWrite): StoredOrderWrite {
  // The brand exists for the compiler only.
  return write as StoredOrderWrite;
}
