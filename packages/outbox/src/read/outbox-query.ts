import type { Cursor } from '../cursor.ts';
import { TAKEN_AT_MS } from './taken-at.ts';

/** Partitions that stand at the same cursor and therefore read the same rows. */
export interface CursorGroup {
  readonly cursor: Cursor;
  readonly partitions: readonly number[];
}

export interface PageLimits {
  /** Rows walked for one group. */
  readonly rows: number;
  /** Sum of payload bytes of all groups that are read together; the last row of a group may exceed its share. */
  readonly bytes: number;
}

export interface OutboxQuery {
  /** Of the prepared statement; equal names have equal texts. */
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

/**
 * Builds the one statement that reads the next page of every group, all under one snapshot: groups that are done with their window
 * meet at that snapshot again and share a page from then on. The text is always the same.
 *
 * Each group answers with a header row and then its events in `seq` order; see the function `outbox_page` in `migrations/`.
 */
export function buildOutboxQuery(
  groups: readonly CursorGroup[],
  partitionCount: number,
  limits: PageLimits,
): OutboxQuery {
  return {
    name: 'outbox_page',
    text: `SELECT wanted.ordinality - 1 AS group_index, page.*, CASE WHEN page.header IS NOT NULL THEN ${TAKEN_AT_MS} END
      FROM unnest($1::pg_snapshot[], $2::pg_snapshot[], $3::bigint[], $4::text[])
           WITH ORDINALITY AS wanted (since, target, after_seq, partitions),
           LATERAL outbox_page(wanted.since, wanted.target, wanted.after_seq, $5, wanted.partitions::int[], $6, $7) AS page`,
    values: [
      groups.map((group) => group.cursor.snapshot),
      groups.map((group) => group.cursor.page?.target ?? null),
      groups.map((group) => group.cursor.page?.afterSeq ?? null),
      groups.map((group) => `{${group.partitions.join(',')}}`),
      partitionCount,
      limits.rows,
      Math.max(1, Math.floor(limits.bytes / groups.length)),
    ],
  };
}
