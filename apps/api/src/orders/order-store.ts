import type { Database, Tables, Transaction } from '@order-events/database';
import type { Order, OrderEvent, OrderWrite } from '@order-events/domain';
import {
  type ExpressionBuilder,
  type ExpressionWrapper,
  type RawBuilder,
  type Selectable,
  sql,
  type SqlBool,
} from 'kysely';
import type { Caller } from './caller.ts';
import type { Moment } from './moment.ts';
import { listOrderChanges, type OrderChangesPage, type OrderChangesQuery } from './order-changes.ts';
import { fittingRows, MAX_PAGE_BYTES, type OrderFilter } from './order-page.ts';
import { orderOfRow, orderRow } from './order-row.ts';
import { hasSeveral, matchingRows } from './several-filters.ts';

declare const stored: unique symbol;

/** A write whose order is in the table. Only the store makes one, so nothing else can be appended to the outbox. */
export type StoredOrderWrite = OrderWrite & {
  readonly [stored]: true;
  /** By the database, within the transaction. */
  readonly storedAt: Date;
};

export interface OrderListQuery extends OrderFilter {
  readonly caller: Caller;
  /** Most orders of the page. */
  readonly limit: number;
  /** Only orders behind this place. */
  readonly after?: ListPosition | undefined;
}

/** The place of an order in a list. Its time is text, since a Date has no parts of a millisecond and a row may. */
export interface ListPosition {
  readonly createdAt: string;
  readonly orderId: string;
}

export interface OrderPage {
  readonly orders: readonly Order[];
  /** Of the last order, when there are more. */
  readonly next: ListPosition | undefined;
  /** When the list was read; of a first page only, and not of a standby. What changes afterwards is behind it. */
  readonly moment: Moment | undefined;
}

export interface OrderStore {
  /** The order and its events get their times from the database, unless they have their own; with `update` they never go back. */
  create(
    transaction: Transaction,
    write: OrderWrite,
    options?: { readonly ownTimes: boolean },
  ): Promise<StoredOrderWrite>;
  update(transaction: Transaction, write: OrderWrite): Promise<StoredOrderWrite>;
  /** Reads an order that is there for the caller, and keeps others from changing it until the transaction ends. */
  lock(transaction: Transaction, orderId: string, caller: Caller): Promise<Order | undefined>;
  find(database: Database, orderId: string, caller: Caller): Promise<Order | undefined>;
  /** Newest first; fewer than `limit` when they are large, and always one when there is one. */
  list(database: Database, query: OrderListQuery): Promise<OrderPage>;
  /** Throws ChangesExpiredError. */
  listChanges(database: Database, query: OrderChangesQuery): Promise<OrderChangesPage>;
}

export function createOrderStore(): OrderStore {
  return {
    async create(transaction, write, { ownTimes } = { ownTimes: false }) {
      const times = ownTimes ? {} : { created_at: DATABASE_TIME, updated_at: DATABASE_TIME };
      const { created_at, updated_at, stored_at } = await transaction
        .insertInto('orders')
        .values({ ...orderRow(write.order), ...times })
        .returning(['created_at', 'updated_at', DATABASE_TIME.as('stored_at')])
        .executeTakeFirstOrThrow();
      return asStored(write, { createdAt: created_at, updatedAt: updated_at }, stored_at);
    },

    async update(transaction, write) {
      const { id, created_at: _, ...changed } = orderRow(write.order);
      const { updated_at, stored_at } = await transaction
        .updateTable('orders')
        // A server that takes over may have a clock that is behind.
        .set({ ...changed, updated_at: sql<Date>`greatest(updated_at, ${DATABASE_TIME})` })
        .where('id', '=', id)
        .returning(['updated_at', DATABASE_TIME.as('stored_at')])
        .executeTakeFirstOrThrow();
      return asStored(write, { createdAt: write.order.createdAt, updatedAt: updated_at }, stored_at);
    },

    async lock(transaction, orderId, caller) {
      const row = await transaction
        .selectFrom('orders')
        .selectAll()
        .where('id', '=', orderId)
        .where(reachableBy(caller))
        .forUpdate()
        .executeTakeFirst();
      return row && orderOfRow(row);
    },

    async find(database, orderId, caller) {
      const row = await database
        .selectFrom('orders')
        .selectAll()
        .where('id', '=', orderId)
        .where(reachableBy(caller))
        .executeTakeFirst();
      return row && orderOfRow(row);
    },

    async list(database, query) {
      const { rows } = await pageOf(query).execute(database);
      const found = rows.filter(isOrder);
      const fitting = fittingRows(found, query.limit);
      const last = found.length > fitting.length ? fitting.at(-1) : undefined;
      return {
        orders: fitting.map(orderOfRow),
        next: last && { createdAt: last.created_text, orderId: last.id },
        moment: momentOf(rows[0]),
      };
    },

    listChanges: listOrderChanges,
  };
}

interface MomentRow {
  readonly run: string | null;
  readonly snapshot: string | null;
}

type PageRow = MomentRow & Selectable<Tables['orders']> & { readonly created_text: string };

/** A first page without orders is one row. */
const isOrder = (row: MomentRow | PageRow): row is PageRow => 'id' in row && row.id !== null;

function momentOf(row: MomentRow | undefined): Moment | undefined {
  if (!row || row.run === null || row.snapshot === null) return undefined;
  return { run: row.run, snapshot: row.snapshot };
}

/**
 * One row more than the page tells whether there is another. Lines beyond what a page may have stay where they are. A filter is written as
 * a range of one value and as part of the order: with an equality Postgres may walk another index and throw away what does not match,
 * which is a thousand rows or all of them where a status is rare among the newest.
 */
function pageOf(query: OrderListQuery): RawBuilder<MomentRow | PageRow> {
  const { status, customerId, caller, limit, after } = query;
  if (hasSeveral(query)) {
    const source = sql`(${matchingRows({ ...query, limit: limit + 1 })}) AS orders`;
    return pageFrom(source, sql`created_at DESC, id DESC`, query);
  }
  const customer = caller.customerId ?? customerId;
  const filters = [
    ...(customer === undefined ? [] : [{ column: sql`customer_id`, value: sql`${customer}` }]),
    ...(status === undefined ? [] : [{ column: sql`status`, value: sql`${status}` }]),
  ];
  const columns = filters.map(({ column }) => column);
  const values = filters.map(({ value }) => value);
  const order = sql.join([...columns, sql`created_at`, sql`id`].map((column) => sql`${column} DESC`));
  const conditions = [
    // Who is confined and asks for another customer finds nothing, and is not told by the time it takes whether there is one.
    ...(caller.customerId === undefined || customerId === undefined
      ? []
      : [sql`${caller.customerId}::text = ${customerId}::text`]),
    ...(filters.length === 0 ? [] : [sql`(${sql.join(columns)}) >= (${sql.join(values)})`]),
    ...(filters.length === 0 || after ? [] : [sql`(${sql.join(columns)}) <= (${sql.join(values)})`]),
    ...(after
      ? [sql`(${sql.join([...columns, sql`created_at`, sql`id`])}) < (${placeOf(values, after)})`]
      : []),
  ];
  const where = conditions.length > 0 ? sql`WHERE ${sql.join(conditions, sql` AND `)}` : sql``;
  return pageFrom(sql`orders ${where}`, order, query);
}

function pageFrom(
  source: RawBuilder<unknown>,
  order: RawBuilder<unknown>,
  { after, limit }: OrderListQuery,
): RawBuilder<MomentRow | PageRow> {
  return sql<MomentRow | PageRow>`
    SELECT moment.*, id, customer_id, status, version, currency, total_minor, created_at, updated_at,
      to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_text,
      CASE WHEN bytes_before < ${MAX_PAGE_BYTES} THEN items END AS items
    FROM ${after ? NO_MOMENT : MOMENT} LEFT JOIN (
      SELECT *, sum(pg_column_size(items)) OVER (ORDER BY ${order} ROWS UNBOUNDED PRECEDING)
        - pg_column_size(items) AS bytes_before
      FROM ${source} ORDER BY ${order} LIMIT ${limit + 1}) AS page ON true
    ORDER BY ${order}`;
}

function placeOf(values: readonly RawBuilder<unknown>[], after: ListPosition): RawBuilder<unknown> {
  return sql.join([...values, sql`${after.createdAt}::timestamptz`, sql`${after.orderId}::uuid`]);
}

/** The snapshot of the statement that reads the orders, so that neither sees what the other does not. */
const MOMENT = sql`(SELECT outbox_run() AS run, pg_current_snapshot()::text AS snapshot) AS moment`;
/** A walk has the moment of its first page. */
const NO_MOMENT = sql`(SELECT NULL AS run, NULL AS snapshot) AS moment`;

/** When the statement came; one clock for all replicas. To the millisecond, as the API and the message tell it. */
const DATABASE_TIME = sql<Date>`date_trunc('milliseconds', statement_timestamp())`;

/** The write with the times that its order has in the table. */
function asStored(
  write: OrderWrite,
  times: Pick<Order, 'createdAt' | 'updatedAt'>,
  storedAt: Date,
): StoredOrderWrite {
  const order = { ...write.order, ...times };
  const [first, ...more] = write.events;
  const stamped = (event: OrderEvent) => ({ ...event, occurredAt: times.updatedAt, order });
  // The brand exists for the compiler only.
  return { order, events: [stamped(first), ...more.map(stamped)], storedAt } as unknown as StoredOrderWrite;
}

/** Part of every statement that looks for orders: what the caller is confined to. Nothing is found first and refused afterwards. */
function reachableBy({ customerId }: Caller) {
  return (expression: ExpressionBuilder<Tables, 'orders'>): ExpressionWrapper<Tables, 'orders', SqlBool> =>
    customerId === undefined ? expression.and([]) : expression('customer_id', '=', customerId);
}
