import { type Database, inTransaction } from '@order-events/database';
import { type RawBuilder, sql } from 'kysely';
import { notifyRelays } from './relay-notification.ts';

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

export interface ReplayProgress {
  readonly replay_id: string;
  readonly since: Date | null;
  readonly key: string | null;
  readonly from_seq: bigint | null;
  readonly to_seq: bigint;
  readonly requested_at: Date;
  readonly cancelled_at: Date | null;
  readonly published_events: number;
  readonly partitions: number;
  readonly unfinished_partitions: number;
  readonly finished_at: Date | null;
}

/** Counts what the owners would publish again: rows that are published, neither parked nor discarded. */
export async function planReplay(
  database: Database,
  choice: ReplayChoice,
  partitionCount: number,
): Promise<ReplayPlan> {
  const { rows: bounds } = await sql<{ to_seq: bigint | null; retained_from: Date | null }>`
    SELECT (SELECT max(seq) FROM outbox) AS to_seq,
      (SELECT created_at FROM outbox ORDER BY seq LIMIT 1) AS retained_from`.execute(database);
  const toSeq = bounds[0]?.to_seq ?? undefined;
  const retainedFrom = bounds[0]?.retained_from ?? undefined;
  if (toSeq === undefined) return { toSeq, events: 0, shares: [], retainedFrom };
  const { rows: shares } = await sql<ReplayShare>`
    SELECT partition, count(*)::int AS events
    FROM outbox JOIN relay_partition ON partition = key_hash % ${partitionCount}::int
    WHERE seq <= ${toSeq} AND ${matches(choice)} AND pg_visible_in_snapshot(xid, cursor)
      AND NOT EXISTS (SELECT FROM parked_event WHERE parked_event.event_id = outbox.event_id)
      AND NOT EXISTS (SELECT FROM discarded_event WHERE discarded_event.event_id = outbox.event_id)
    GROUP BY partition ORDER BY partition`.execute(database);
  return { toSeq, events: shares.reduce((sum, { events }) => sum + events, 0), shares, retainedFrom };
}

function matches(choice: ReplayChoice): RawBuilder<unknown> {
  if ('since' in choice) return sql`created_at >= ${choice.since}`;
  if ('key' in choice) return sql`key_hash = ${choice.keyHash} AND key = ${choice.key}`;
  return sql`seq >= ${choice.fromSeq}`;
}

/** Leaves the request for the owners of the partitions. Undefined, and nothing is left, while the partitions change their number. */
export function requestReplay(
  database: Database,
  choice: ReplayChoice,
  toSeq: bigint,
): Promise<string | undefined> {
  return inTransaction(database, async (transaction) => {
    // Locked against a resize, which would give the rows to other partitions in the middle.
    const { rows: partitions } = await sql<{ partition: number; mode: string }>`
      SELECT partition, mode FROM relay_partition ORDER BY partition FOR SHARE`.execute(transaction);
    if (partitions.some(({ mode }) => mode === 'draining')) return undefined;
    const since = 'since' in choice ? choice.since : null;
    const key = 'key' in choice ? choice.key : null;
    const fromSeq = 'fromSeq' in choice ? choice.fromSeq : null;
    const { rows } = await sql<{ replay_id: string }>`
      INSERT INTO replay_request (since, key, from_seq, to_seq) VALUES (${since}, ${key}, ${fromSeq}, ${toSeq})
      RETURNING replay_id`.execute(transaction);
    const replayId = rows[0]?.replay_id;
    const concerned = partitions.map(({ partition }) => partition);
    const own = 'key' in choice ? [choice.keyHash % concerned.length] : concerned;
    await sql`
      INSERT INTO replay_partition (replay_id, partition) SELECT ${replayId}::uuid, unnest(${own}::int[])`.execute(
      transaction,
    );
    await notifyRelays(transaction);
    return replayId;
  });
}

/** The newest first, or the one that is named. */
export async function listReplays(
  database: Database,
  replayId: string | undefined,
  limit: number,
): Promise<ReplayProgress[]> {
  const { rows } = await sql<ReplayProgress>`
    SELECT replay_id, since, key, from_seq, to_seq, requested_at, cancelled_at,
      sum(published_events)::int AS published_events, count(*)::int AS partitions,
      count(*) FILTER (WHERE finished_at IS NULL)::int AS unfinished_partitions,
      CASE WHEN bool_and(finished_at IS NOT NULL) THEN max(finished_at) END AS finished_at
    FROM replay_request JOIN replay_partition USING (replay_id)
    WHERE ${replayId ?? null}::uuid IS NULL OR replay_id = ${replayId ?? null}::uuid
    GROUP BY replay_id ORDER BY requested_at DESC LIMIT ${limit}`.execute(database);
  return rows;
}

/** Calls off what is not done; answers how many partitions that were. */
export function cancelReplay(database: Database, replayId: string): Promise<number> {
  return inTransaction(database, async (transaction) => {
    const { numAffectedRows } = await sql`
      UPDATE replay_partition SET finished_at = clock_timestamp()
      WHERE replay_id = ${replayId} AND finished_at IS NULL`.execute(transaction);
    const cancelled = Number(numAffectedRows ?? 0);
    if (cancelled > 0) {
      await sql`
        UPDATE replay_request SET cancelled_at = clock_timestamp() WHERE replay_id = ${replayId}`.execute(
        transaction,
      );
    }
    return cancelled;
  });
}

/** Replays of which some partition is not done. */
export async function countUnfinishedReplays(database: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(DISTINCT replay_id)::int AS count FROM replay_partition WHERE finished_at IS NULL`.execute(
    database,
  );
  return rows[0]?.count ?? 0;
}
