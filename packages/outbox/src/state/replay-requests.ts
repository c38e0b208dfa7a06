import { inPoolTransaction } from '@order-events/database';
import type { Pool } from 'pg';
import type { Queries } from '../queries.ts';
import { inTransactionForRelays } from './relay-notification.ts';
import type { ReplayChoice } from './replay-plan.ts';

/** The part of a replay that concerns one partition and is not finished. */
export interface Replay {
  readonly replayId: string;
  readonly partition: number;
  readonly afterSeq: bigint;
  readonly toSeq: bigint;
  /** Exactly one of these is set. */
  readonly since: Date | null;
  readonly key: string | null;
  readonly fromSeq: bigint | null;
}

/** A whole replay, for those who asked for it. */
export interface ReplayProgress {
  readonly replayId: string;
  readonly since: Date | undefined;
  readonly key: string | undefined;
  readonly fromSeq: bigint | undefined;
  readonly toSeq: bigint;
  readonly requestedAt: Date;
  readonly ageSeconds: number;
  readonly cancelledAt: Date | undefined;
  readonly publishedEvents: number;
  readonly partitions: number;
  readonly unfinishedPartitions: number;
  readonly finishedAt: Date | undefined;
}

/** Leaves the request for the owners of the partitions. Undefined, and nothing is left, while the partitions change their number. */
export function requestReplay(pool: Pool, choice: ReplayChoice, toSeq: bigint): Promise<string | undefined> {
  return inTransactionForRelays(pool, async (client) => {
    // Locked against a resize, which would give the rows to other partitions in the middle.
    const { rows: partitions } = await client.query<{ partition: number; mode: string }>(
      'SELECT partition, mode FROM relay_partition ORDER BY partition FOR SHARE',
    );
    if (partitions.some(({ mode }) => mode === 'draining')) return undefined;
    const { rows } = await client.query<{ replay_id: string }>(
      'INSERT INTO replay_request (since, key, from_seq, to_seq) VALUES ($1, $2, $3, $4) RETURNING replay_id',
      [
        'since' in choice ? choice.since : null,
        'key' in choice ? choice.key : null,
        'fromSeq' in choice ? choice.fromSeq : null,
        toSeq,
      ],
    );
    const replayId = rows[0]?.replay_id;
    const concerned = partitions.map(({ partition }) => partition);
    const own = 'key' in choice ? [choice.keyHash % concerned.length] : concerned;
    await client.query(
      'INSERT INTO replay_partition (replay_id, partition) SELECT $1::uuid, unnest($2::int[])',
      [replayId, own],
    );
    return replayId;
  });
}

/** Calls off what is not done; answers how many partitions that were. */
export function cancelReplay(pool: Pool, replayId: string): Promise<number> {
  return inPoolTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      'UPDATE replay_partition SET finished_at = clock_timestamp() WHERE replay_id = $1 AND finished_at IS NULL',
      [replayId],
    );
    const cancelled = rowCount ?? 0;
    if (cancelled > 0) {
      await client.query('UPDATE replay_request SET cancelled_at = clock_timestamp() WHERE replay_id = $1', [
        replayId,
      ]);
    }
    return cancelled;
  });
}

/** Notes how far the replay has come. */
export async function advanceReplay(
  queries: Queries,
  { replayId, partition }: Replay,
  { afterSeq, events, finished }: { afterSeq: bigint; events: number; finished: boolean },
): Promise<void> {
  await queries.query(
    `UPDATE replay_partition SET after_seq = $3, published_events = published_events + $4,
       finished_at = CASE WHEN $5 AND finished_at IS NULL THEN clock_timestamp() ELSE finished_at END
     WHERE replay_id = $1 AND partition = $2`,
    [replayId, partition, afterSeq, events, finished],
  );
}

/** The parts of replays that the owner of a partition has to carry out, in the order in which they were asked for. */
export async function unfinishedParts(queries: Queries, partition: number): Promise<Replay[]> {
  const { rows } = await queries.query<{
    replay_id: string;
    partition: number;
    after_seq: string | bigint;
    to_seq: string | bigint;
    since: Date | null;
    key: string | null;
    from_seq: string | bigint | null;
  }>(
    `SELECT replay_id, partition, greatest(after_seq, coalesce(from_seq, 0) - 1) AS after_seq, to_seq, since, key, from_seq
     FROM replay_partition JOIN replay_request USING (replay_id)
     WHERE partition = $1 AND finished_at IS NULL ORDER BY requested_at, replay_id`,
    [partition],
  );
  return rows.map((row) => ({
    replayId: row.replay_id,
    partition: row.partition,
    afterSeq: BigInt(row.after_seq),
    toSeq: BigInt(row.to_seq),
    since: row.since,
    key: row.key,
    fromSeq: row.from_seq === null ? null : BigInt(row.from_seq),
  }));
}

/** The newest first, or the one that is named. */
export function listReplays(
  queries: Queries,
  replayId: string | undefined,
  limit: number,
): Promise<ReplayProgress[]> {
  return readReplays(queries, '$1::uuid IS NULL OR replay_id = $1::uuid', 'DESC LIMIT $2', [
    replayId ?? null,
    limit,
  ]);
}

/** Those of which some partition is not done, oldest first. */
export function unfinishedReplays(queries: Queries): Promise<ReplayProgress[]> {
  const some = 'replay_id IN (SELECT replay_id FROM replay_partition WHERE finished_at IS NULL)';
  return readReplays(queries, some, '', []);
}

interface ProgressRow {
  replay_id: string;
  since: Date | null;
  key: string | null;
  from_seq: bigint | string | null;
  to_seq: bigint | string;
  requested_at: Date;
  age: string;
  cancelled_at: Date | null;
  published: bigint | string;
  partitions: bigint | string;
  unfinished: bigint | string;
  finished_at: Date | null;
}

async function readReplays(
  queries: Queries,
  condition: string,
  order: string,
  values: unknown[],
): Promise<ReplayProgress[]> {
  const { rows } = await queries.query<ProgressRow>(
    `SELECT replay_id, since, key, from_seq, to_seq, requested_at, cancelled_at,
       extract(epoch FROM clock_timestamp() - requested_at) AS age,
       sum(published_events) AS published, count(*) AS partitions,
       count(*) FILTER (WHERE finished_at IS NULL) AS unfinished,
       CASE WHEN bool_and(finished_at IS NOT NULL) THEN max(finished_at) END AS finished_at
     FROM replay_request JOIN replay_partition USING (replay_id)
     WHERE ${condition} GROUP BY replay_id ORDER BY requested_at ${order}`,
    values,
  );
  return rows.map((row) => ({
    replayId: row.replay_id,
    since: row.since ?? undefined,
    key: row.key ?? undefined,
    fromSeq: row.from_seq === null ? undefined : BigInt(row.from_seq),
    toSeq: BigInt(row.to_seq),
    requestedAt: row.requested_at,
    ageSeconds: Math.max(0, Number(row.age)),
    cancelledAt: row.cancelled_at ?? undefined,
    publishedEvents: Number(row.published),
    partitions: Number(row.partitions),
    unfinishedPartitions: Number(row.unfinished),
    finishedAt: row.finished_at ?? undefined,
  }));
}
