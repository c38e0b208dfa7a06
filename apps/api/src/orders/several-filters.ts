import { type RawBuilder, sql } from 'kysely';
import type { Caller } from './caller.ts';
import type { OrderFilter } from './order-page.ts';

/** What may be several of, of a filter: an order has one of each list; undefined: any. */
interface Wanted {
  readonly orderIds: readonly string[] | undefined;
  readonly columns: readonly {
    readonly name: 'customer_id' | 'status';
    readonly values: readonly string[];
  }[];
}

/** The place behind which orders are wanted. */
interface Place {
  readonly createdAt: string;
  readonly orderId: string;
}

export interface SeveralQuery extends OrderFilter {
  readonly caller: Caller;
  /** Most rows. */
  readonly limit: number;
  readonly after?: Place | undefined;
}

export const hasSeveral = ({ statuses, customerIds, orderIds }: OrderFilter): boolean =>
  [statuses, customerIds, orderIds].some((values) => values !== undefined);

/**
 * The newest rows of `orders` that match, in no order: a table expression. For each status of each customer an index is walked for so many
 * entries as may be wanted of it alone, and only those that are wanted of all are read. Orders that are named are found by their ids.
 */
export function matchingRows(query: SeveralQuery): RawBuilder<unknown> {
  const { orderIds, columns } = wantedOf(query);
  return orderIds === undefined ? newestOf(columns, query) : namedOf(orderIds, columns, query);
}

/** Conditions on a row `found` of those that a filter names, and of what the caller is confined to. */
export function conditionsOf(query: OrderFilter & { readonly caller: Caller }): RawBuilder<unknown>[] {
  const { orderIds, columns } = wantedOf(query);
  return [
    ...confinement(query),
    ...(orderIds === undefined ? [] : [sql`found.id = ANY(${orderIds}::uuid[])`]),
    ...columns.map(({ name, values }) => sql`found.${sql.ref(name)} = ANY(${values}::text[])`),
  ];
}

function wantedOf({
  caller,
  status,
  statuses,
  customerId,
  customerIds,
  orderIds,
}: OrderFilter & { readonly caller: Caller }): Wanted {
  const one = <Value>(value: Value | undefined) => (value === undefined ? undefined : [value]);
  const named = customerIds ?? one(customerId);
  const customers = caller.customerId === undefined ? named : [caller.customerId];
  const wantedStatuses = statuses ?? one(status);
  return {
    orderIds: orderIds && [...new Set(orderIds)],
    columns: [
      ...(customers ? [{ name: 'customer_id' as const, values: [...new Set(customers)] }] : []),
      ...(wantedStatuses ? [{ name: 'status' as const, values: [...new Set(wantedStatuses)] }] : []),
    ],
  };
}

/** Who is confined and asks for other customers finds nothing, and is not told by the time it takes whether there are any. */
function confinement({
  caller,
  customerId,
  customerIds,
}: OrderFilter & { readonly caller: Caller }): RawBuilder<unknown>[] {
  const named = customerIds ?? (customerId === undefined ? undefined : [customerId]);
  if (caller.customerId === undefined || named === undefined) return [];
  return [sql`${caller.customerId}::text = ANY(${named}::text[])`];
}

function namedOf(
  orderIds: readonly string[],
  columns: Wanted['columns'],
  query: SeveralQuery,
): RawBuilder<unknown> {
  const conditions = [
    ...confinement(query),
    ...columns.map(({ name, values }) => sql`found.${sql.ref(name)} = ANY(${values}::text[])`),
    ...behindNamed(query.after),
  ];
  return sql`SELECT found.* FROM unnest(${orderIds}::uuid[]) AS wanted(id),
    LATERAL (SELECT * FROM orders WHERE orders.id = wanted.id OFFSET 0) AS found ${where(conditions)}`;
}

function newestOf(columns: Wanted['columns'], query: SeveralQuery): RawBuilder<unknown> {
  const walks = combinationsOf(columns).map((values) => sql`(${walkOf(columns, values, query)})`);
  return sql`SELECT found.* FROM (
      SELECT created_at, id FROM (${sql.join(walks, sql` UNION ALL `)}) AS entry
      ORDER BY created_at DESC, id DESC LIMIT ${query.limit}) AS chosen,
    LATERAL (SELECT * FROM orders WHERE orders.id = chosen.id OFFSET 0) AS found`;
}

/** A statement of its own for each: with values that come from a row Postgres may walk another index, and far. */
function walkOf(
  columns: Wanted['columns'],
  values: readonly string[],
  query: SeveralQuery,
): RawBuilder<unknown> {
  const names = columns.map(({ name }) => sql.ref(name));
  const wanted = values.map((value) => sql`${value}`);
  // As a range of one value each: see the list of one.
  const conditions = [
    ...confinement(query),
    sql`(${sql.join(names)}) >= (${sql.join(wanted)})`,
    ...(query.after ? [] : [sql`(${sql.join(names)}) <= (${sql.join(wanted)})`]),
    ...behind(query.after, names, wanted),
  ];
  const order = sql.join([...names, sql`created_at`, sql`id`].map((column) => sql`${column} DESC`));
  return sql`SELECT created_at, id FROM orders ${where(conditions)} ORDER BY ${order} LIMIT ${query.limit}`;
}

function combinationsOf(columns: Wanted['columns']): string[][] {
  return columns.reduce<string[][]>(
    (found, { values }) => found.flatMap((one) => values.map((value) => [...one, value])),
    [[]],
  );
}

function behind(
  after: Place | undefined,
  names: readonly RawBuilder<unknown>[],
  values: readonly RawBuilder<unknown>[],
): RawBuilder<unknown>[] {
  if (!after) return [];
  const place = [...values, sql`${after.createdAt}::timestamptz`, sql`${after.orderId}::uuid`];
  return [sql`(${sql.join([...names, sql`created_at`, sql`id`])}) < (${sql.join(place)})`];
}

function behindNamed(after: Place | undefined): RawBuilder<unknown>[] {
  if (!after) return [];
  return [sql`(found.created_at, found.id) < (${after.createdAt}::timestamptz, ${after.orderId}::uuid)`];
}

const where = (conditions: readonly RawBuilder<unknown>[]) =>
  conditions.length === 0 ? sql`` : sql`WHERE ${sql.join(conditions, sql` AND `)}`;
