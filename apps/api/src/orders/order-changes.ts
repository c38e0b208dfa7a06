import type { Database, Tables } from '@order-events/database';
import type { Order } from '@order-events/domain';
import { type RawBuilder, type Selectable, sql } from 'kysely';
import type { Caller } from './caller.ts';
import type { Moment } from './moment.ts';
import { ChangesExpiredError } from './order-error.ts';
import { fittingRows, MAX_PAGE_BYTES, type OrderFilter } from './order-page.ts';
import { orderOfRow } from './order-row.ts';
import { conditionsOf } from './several-filters.ts';

export interface OrderChangesQuery extends OrderFilter {
  readonly caller: Caller;
  /** Most orders of the page. */
  readonly limit: number;
  readonly since: Moment;
  /** Where the page before ended. */
  readonly after?: ChangesPosition | undefined;
}

/** The place in a walk through the changes between two moments. */
export interface ChangesPosition {
  /** The snapshot at which the walk ends, the same on all its pages. */
  readonly until: string;
  /** The last change that was looked at: its transaction and its order. */
  readonly transactionId: string;
  readonly key: string;
}

export interface OrderChangesPage {
  readonly orders: readonly Order[];
  /** When there may be more. */
  readonly next: ChangesPosition | undefined;
  /** The moment up to which this walk tells the changes: the next one begins there. */
  readonly moment: Moment;
}

/** So many changes are looked at for a page at most, whether their orders match or not: each page costs the same. */
const MAX_LOOKED_AT = 2000;
/** So many for each order of the page where all match: some have changed several times. */
const CHANGES_OF_AN_ORDER = 4;
/** What else is in the outbox, such as canaries, has other keys. */
const ORDER_ID = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
/** The functions of the outbox say so when what has changed cannot be told. */
const EXPIRED_SQLSTATE = 'OX410';

/**
 * The orders, as they are now, that were changed by transactions which `until` sees and `since` does not. An order that has changed several
 * times comes once a page at most, at its last change of those looked at. Throws ChangesExpiredError.
 */
export async function listOrderChanges(
  database: Database,
  query: OrderChangesQuery,
): Promise<OrderChangesPage> {
  const { rows } = await changesOf(query).execute(database).catch(rethrow);
  const [walk] = rows;
  if (!walk) throw new Error('the walk through the changes answered nothing');
  const matching = rows.filter(isMatch);
  const fitting = fittingRows(matching, query.limit);
  const last = matching.length > fitting.length ? fitting.at(-1) : undefined;
  const end = last ?? (walk.looked_at < changesToLookAt(query) ? undefined : walk);
  return {
    orders: fitting.map(orderOfRow),
    next: end && { until: walk.until, transactionId: end.changed_by, key: end.changed_key },
    moment: { run: query.since.run, snapshot: walk.until },
  };
}

interface WalkRow {
  readonly until: string;
  readonly looked_at: number;
  /** Of the order, or of the last change looked at in a row without one. */
  readonly changed_by: string;
  readonly changed_key: string;
}

type MatchRow = WalkRow & Selectable<Tables['orders']>;

const isMatch = (row: WalkRow | MatchRow): row is MatchRow => 'id' in row && row.id !== null;

/**
 * One statement, so that there is one present. A row without an order comes first and tells how far it looked. Orders are found by their id
 * one after another: a planner that is left to choose may read all those of a customer, or all, for a few changes.
 */
function changesOf(query: OrderChangesQuery): RawBuilder<WalkRow | MatchRow> {
  const { since, after, limit } = query;
  const place = sql`${after?.transactionId ?? '0'}::xid8, ${after?.key ?? ''}::text`;
  return sql<WalkRow | MatchRow>`
    WITH walk AS MATERIALIZED (
      SELECT coalesce(${after?.until ?? null}::pg_snapshot, pg_current_snapshot()) AS until),
    looked_at AS MATERIALIZED (
      SELECT change.xid, change.key FROM walk, LATERAL outbox_changes(
        ${since.run}, ${since.snapshot}::pg_snapshot, walk.until, ${place}, ${changesToLookAt(query)}) AS change),
    last_change AS MATERIALIZED (
      SELECT DISTINCT ON (key) xid, key, CASE WHEN key ~ ${ORDER_ID} THEN key::uuid END AS order_id
      FROM looked_at ORDER BY key, xid DESC),
    matching AS (
      SELECT found.*, last_change.xid, last_change.key,
        sum(pg_column_size(items)) OVER (ORDER BY last_change.xid, last_change.key ROWS UNBOUNDED PRECEDING)
          - pg_column_size(items) AS bytes_before
      FROM last_change, LATERAL (SELECT * FROM orders WHERE id = last_change.order_id OFFSET 0) AS found
      WHERE ${matches(query)}
      ORDER BY last_change.xid, last_change.key LIMIT ${limit + 1})
    SELECT walk.until::text AS until, counted.count::int AS looked_at,
      coalesce(page.xid, last_one.xid)::text AS changed_by, coalesce(page.key, last_one.key) AS changed_key,
      page.id, page.customer_id, page.status, page.version, page.currency, page.total_minor, page.created_at,
      page.updated_at, CASE WHEN page.bytes_before < ${MAX_PAGE_BYTES} THEN page.items END AS items
    FROM walk
    CROSS JOIN (SELECT count(*) FROM looked_at) AS counted
    LEFT JOIN (SELECT xid, key FROM looked_at ORDER BY xid DESC, key DESC LIMIT 1) AS last_one ON true
    LEFT JOIN matching AS page ON true
    ORDER BY page.xid, page.key`;
}

function changesToLookAt({ limit, ...query }: OrderChangesQuery): number {
  const takesAll = query.caller.customerId === undefined && conditionsOf(query).length === 0;
  return takesAll ? Math.min(MAX_LOOKED_AT, (limit + 1) * CHANGES_OF_AN_ORDER) : MAX_LOOKED_AT;
}

function matches(query: OrderChangesQuery): RawBuilder<unknown> {
  const conditions = conditionsOf(query);
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql` AND `);
}

function rethrow(error: unknown): never {
  if (error instanceof Error && 'code' in error && error.code === EXPIRED_SQLSTATE) {
    throw new ChangesExpiredError({ cause: error });
  }
  throw error;
}
