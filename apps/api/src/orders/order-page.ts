import type { Tables } from '@order-events/database';
import type { OrderStatus } from '@order-events/domain';
import type { Selectable } from 'kysely';

/** Which orders of those that the caller may see. */
export interface OrderFilter {
  readonly status?: OrderStatus | undefined;
  readonly customerId?: string | undefined;
  /** One of several, each list instead of the single one. */
  readonly statuses?: readonly OrderStatus[] | undefined;
  readonly customerIds?: readonly string[] | undefined;
  readonly orderIds?: readonly string[] | undefined;
}

/** As Postgres keeps the lines; as JSON they are up to some twelve times as many. */
export const MAX_PAGE_BYTES = 1024 * 1024;

/** Of rows up to one more than `limit` those that the page has: lines beyond MAX_PAGE_BYTES stay where they are, and are null. */
export function fittingRows<Row extends Pick<Selectable<Tables['orders']>, 'items'>>(
  rows: readonly Row[],
  limit: number,
): Row[] {
  return rows.slice(0, limit).filter((row) => row.items !== null);
}
