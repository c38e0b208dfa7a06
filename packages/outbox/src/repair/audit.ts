import { inPoolTransaction } from '@order-events/database';
import type { LogReader } from '@order-events/messaging';
import type { ClientBase, Pool } from 'pg';
import { loadTopicRecords, type TopicRecords } from './topic-records.ts';

/** What the rows of the outbox are: each is counted once, and the first that fits counts. */
export interface RowCounts {
  readonly published: number;
  readonly parked: number;
  readonly discarded: number;
  /** Beyond the cursor of their partition: their turn comes. */
  readonly pending: number;
  /** Older than what their partition of the topic still holds: they may have been there. */
  readonly expired: number;
  readonly missing: number;
}

export interface MissingEvent {
  readonly eventId: string;
  readonly key: string;
  readonly seq: bigint;
  readonly partition: number;
  readonly createdAt: Date;
}

export interface DoubledEvent {
  readonly eventId: string;
  readonly replayId: string | undefined;
  /** Where it stands, in the order of `logOffsets`. */
  readonly partitions: readonly number[];
  readonly logOffsets: readonly bigint[];
}

export interface DisorderedEvent {
  readonly eventId: string;
  readonly key: string;
  readonly seq: bigint;
  readonly partition: number;
  readonly logOffset: bigint;
  /** Of a later event of the key that stands before it. */
  readonly afterSeq: bigint;
}

export interface OutboxAudit {
  readonly rows: RowCounts;
  readonly records: TopicRecords;
  /** Events of the topic without a row: their part of the outbox was dropped, or they are of another database. */
  readonly onlyInTopic: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  readonly samples: {
    readonly missing: readonly MissingEvent[];
    readonly doubled: readonly DoubledEvent[];
    readonly outOfOrder: readonly DisorderedEvent[];
  };
}

/**
 * Compares the retained outbox with the topic, while relays go on publishing. What must be in the topic is known before the end of the
 * topic is: an event that is covered by a cursor and neither parked nor discarded then, lies before that end, or is missing.
 */
export function auditOutbox(
  pool: Pool,
  reader: LogReader,
  options: {
    readonly samples: number;
    readonly onProgress: (text: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<OutboxAudit> {
  return inPoolTransaction(pool, async (client) => {
    await noteWhatMustBeThere(client);
    const records = await loadTopicRecords(client, reader, {
      signal: options.signal,
      onProgress: (read, all) => options.onProgress(`read ${read} of ${all} records of the topic`),
    });
    options.onProgress('comparing with the outbox');
    await client.query(`SET LOCAL work_mem = '64MB'`);
    const rows = await countRows(client);
    const doubled = await countOf(client, DOUBLED);
    const outOfOrder = await countOf(client, OUT_OF_ORDER);
    const limit = options.samples;
    return {
      rows,
      records,
      doubled,
      outOfOrder,
      onlyInTopic: await countOnlyInTopic(client),
      samples: {
        missing: rows.missing > 0 ? await findMissing(client, limit) : [],
        doubled: doubled > 0 ? await findDoubled(client, limit) : [],
        outOfOrder: outOfOrder > 0 ? await findOutOfOrder(client, limit) : [],
      },
    };
  });
}

/** Cursors first: what they cover and is parked or discarded is so from then on, or published. */
async function noteWhatMustBeThere(client: ClientBase): Promise<void> {
  await client.query(
    `CREATE TEMP TABLE checkpoint ON COMMIT DROP AS
     SELECT partition, count(*) OVER ()::int AS partition_count, cursor, page_target, page_seq
     FROM relay_partition`,
  );
  await client.query(
    `CREATE TEMP TABLE set_aside ON COMMIT DROP AS
     SELECT event_id, 'parked' AS state FROM parked_event
     UNION ALL SELECT event_id, 'discarded' FROM discarded_event`,
  );
}

/** Each row of the outbox with its state; `missing` is what is left. */
const AUDITED_ROWS = `
  SELECT seq, event_id, key, checkpoint.partition, created_at, CASE
    WHEN EXISTS (SELECT FROM topic_record WHERE topic_record.event_id = outbox.event_id) THEN 'published'
    WHEN EXISTS (SELECT FROM set_aside WHERE set_aside.event_id = outbox.event_id AND state = 'parked') THEN 'parked'
    WHEN EXISTS (SELECT FROM set_aside WHERE set_aside.event_id = outbox.event_id) THEN 'discarded'
    WHEN NOT (pg_visible_in_snapshot(xid, cursor)
      OR coalesce(seq <= page_seq AND pg_visible_in_snapshot(xid, page_target), false)) THEN 'pending'
    -- Events from before the number of partitions changed may have been in any of them.
    WHEN created_at <= CASE WHEN created_at < (SELECT updated_at FROM relay_identity)
      THEN (SELECT max(scope_from) FROM topic_range) ELSE scope_from END THEN 'expired'
    ELSE 'missing' END AS state
  FROM outbox
  JOIN checkpoint ON checkpoint.partition = key_hash % partition_count
  LEFT JOIN topic_range ON topic_range.partition = checkpoint.partition`;

async function countRows(client: ClientBase): Promise<RowCounts> {
  const { rows } = await client.query<{ state: keyof RowCounts; count: number }>(
    `SELECT state, count(*)::int AS count FROM (${AUDITED_ROWS}) AS audited GROUP BY state`,
  );
  const counts = { published: 0, parked: 0, discarded: 0, pending: 0, expired: 0, missing: 0 };
  for (const { state, count } of rows) counts[state] = count;
  return counts;
}

async function findMissing(client: ClientBase, limit: number): Promise<MissingEvent[]> {
  const { rows } = await client.query<{
    event_id: string;
    key: string;
    seq: bigint | string;
    partition: number;
    created_at: Date;
  }>(
    `SELECT event_id, key, seq, partition, created_at FROM (${AUDITED_ROWS}) AS audited
     WHERE state = 'missing' ORDER BY seq LIMIT $1`,
    [limit],
  );
  return rows.map(({ event_id: eventId, key, seq, partition, created_at: createdAt }) => ({
    eventId,
    key,
    seq: BigInt(seq),
    partition,
    createdAt,
  }));
}

const DOUBLED = `
  SELECT event_id, replay_id, array_agg(partition ORDER BY partition, log_offset) AS partitions,
    array_agg(log_offset::text ORDER BY partition, log_offset) AS log_offsets
  FROM topic_record GROUP BY event_id, replay_id HAVING count(*) > 1`;

async function findDoubled(client: ClientBase, limit: number): Promise<DoubledEvent[]> {
  const { rows } = await client.query<{
    event_id: string;
    replay_id: string | null;
    partitions: number[];
    log_offsets: string[];
  }>(`${DOUBLED} ORDER BY log_offsets LIMIT $1`, [limit]);
  return rows.map((row) => ({
    eventId: row.event_id,
    replayId: row.replay_id ?? undefined,
    partitions: row.partitions,
    logOffsets: row.log_offsets.map(BigInt),
  }));
}

/** The first publication of each event that stands behind a later one of its key. Replays repeat on purpose. */
const OUT_OF_ORDER = `
  SELECT event_id, key, seq, partition, log_offset, after_seq FROM (
    SELECT *, max(seq) OVER (PARTITION BY key, partition ORDER BY log_offset
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS after_seq
    FROM (
      SELECT event_id, outbox.key, outbox.seq, topic_record.partition, min(log_offset) AS log_offset
      FROM topic_record JOIN outbox USING (event_id) WHERE replay_id IS NULL GROUP BY 1, 2, 3, 4) AS published) AS ranked
  WHERE seq < after_seq`;

async function findOutOfOrder(client: ClientBase, limit: number): Promise<DisorderedEvent[]> {
  const { rows } = await client.query<{
    event_id: string;
    key: string;
    seq: bigint | string;
    partition: number;
    log_offset: bigint | string;
    after_seq: bigint | string;
  }>(`${OUT_OF_ORDER} ORDER BY partition, log_offset LIMIT $1`, [limit]);
  return rows.map((row) => ({
    eventId: row.event_id,
    key: row.key,
    seq: BigInt(row.seq),
    partition: row.partition,
    logOffset: BigInt(row.log_offset),
    afterSeq: BigInt(row.after_seq),
  }));
}

async function countOnlyInTopic(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(DISTINCT event_id)::int AS count FROM topic_record
     WHERE NOT EXISTS (SELECT FROM outbox WHERE outbox.event_id = topic_record.event_id)`,
  );
  return rows[0]?.count ?? 0;
}

/** Of the rows that a query answers with. */
async function countOf(client: ClientBase, query: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM (${query}) AS counted`,
  );
  return rows[0]?.count ?? 0;
}
