import type { Queries } from '../queries.ts';

/** Which events: exactly one of the three. */
export type ReplayChoice =
  | { readonly since: Date }
  | { readonly key: string; readonly keyHash: number }
  | { readonly fromSeq: bigint };

export interface ReplayShare {
  readonly partition: number;
  readonly events: number;
}

/** What a replay would publish, as things stand. */
export interface ReplayPlan {
  /** Events that were inserted later are published anyway; undefined when the outbox is empty. */
  readonly toSeq: bigint | undefined;
  readonly events: number;
  readonly shares: readonly ReplayShare[];
  /** Of the oldest row that the outbox still has; undefined when it has none. */
  readonly retainedFrom: Date | undefined;
}

/** Counts what the owners would publish again: rows that are published, neither parked nor discarded. */
export async function planReplay(
  queries: Queries,
  choice: ReplayChoice,
  partitionCount: number,
): Promise<ReplayPlan> {
  const { rows: bounds } = await queries.query<{ to_seq: bigint | null; retained_from: Date | null }>(
    `SELECT (SELECT max(seq) FROM outbox) AS to_seq,
       (SELECT created_at FROM outbox ORDER BY seq LIMIT 1) AS retained_from`,
  );
  const toSeq = bounds[0]?.to_seq ?? undefined;
  const retainedFrom = bounds[0]?.retained_from ?? undefined;
  if (toSeq === undefined) return { toSeq, events: 0, shares: [], retainedFrom };
  const [condition, ...values] = matching(choice);
  const { rows: shares } = await queries.query<ReplayShare>(
    `SELECT partition, count(*)::int AS events
     FROM outbox JOIN relay_partition ON partition = key_hash % $1::int
     WHERE seq <= $2 AND ${condition} AND pg_visible_in_snapshot(xid, cursor)
       AND NOT EXISTS (SELECT FROM parked_event WHERE parked_event.event_id = outbox.event_id)
       AND NOT EXISTS (SELECT FROM discarded_event WHERE discarded_event.event_id = outbox.event_id)
     GROUP BY partition ORDER BY partition`,
    [partitionCount, toSeq, ...values],
  );
  return { toSeq, events: shares.reduce((sum, { events }) => sum + events, 0), shares, retainedFrom };
}

/** SQL with the parameters from $3 on, and their values. */
function matching(choice: ReplayChoice): [string, ...unknown[]] {
  if ('since' in choice) return ['created_at >= $3', choice.since];
  if ('key' in choice) return ['key_hash = $3 AND key = $4', choice.keyHash, choice.key];
  return ['seq >= $3', choice.fromSeq];
}
