import type { Database, Transaction } from '@order-events/database';
import type { Order, OrderEvent, OrderStatus, OrderWrite } from '@order-events/domain';
import { sql } from 'kysely';
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
  /** The order and its events get their times from the database; so it is with `update`, where they never go back. */
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
      const row = { ...orderRow(write.order), created_at: DATABASE_TIME, updated_at: DATABASE_TIME };
      const { created_at } = await transaction
        .insertInto('orders')
        .values(row)
        .returning('created_at')
        .executeTakeFirstOrThrow();
      return asStored(write, { createdAt: created_at, updatedAt: created_at });
    },

    async update(transaction, write) {
      const { id, created_at: _, ...changed } = orderRow(write.order);
      const { updated_at } = await transaction
        .updateTable('orders')
        // A server that takes over may have a clock that is behind.
        .set({ ...changed, updated_at: sql<Date>`greatest(updated_at, ${DATABASE_TIME})` })
        .where('id', '=', id)
        .returning('updated_at')
        .executeTakeFirstOrThrow();
      return asStored(write, { createdAt: write.order.createdAt, updatedAt: updated_at });
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

/** When the statement came; one clock for all replicas. To the millisecond, as the API and the message tell it. */
const DATABASE_TIME = sql<Date>`date_trunc('milliseconds', statement_timestamp())`;

/** The write with the times that its order has in the table. */
function asStored(write: OrderWrite, times: Pick<Order, 'createdAt' | 'updatedAt'>): StoredOrderWrite {
  const order = { ...write.order, ...times };
  const [first, ...more] = write.events;
  const stamped = (event: OrderEvent) => ({ ...event, occurredAt: times.updatedAt, order });
  // The brand exists for the compiler only.
  return { order, events: [stamped(first), ...more.map(stamped)] } as unknown as StoredOrderWrite;
}
