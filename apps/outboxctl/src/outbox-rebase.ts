import { type Database, inTransaction, type Transaction } from '@order-events/database';
import { keyHash, type LogReader } from '@order-events/messaging';
import { sql } from 'kysely';
import { CommandError } from './outcome.ts';
import { loadTopicRecords } from './topic-records.ts';
import { notifyRelays } from './relay-notification.ts';
import { remapParkedKeys } from './parked-event-store.ts';

/** What the cursors will belong to. */
export interface NewIdentity {
  readonly systemIdentifier: string;
  readonly topic: string;
  readonly topicId: string;
  readonly partitionCount: number;
}

/** What the rows of the outbox are to the topic; the first that fits counts. */
export interface RebaseCounts {
  readonly held: number;
  /** Parked or discarded: not the relay's any more. */
  readonly set_aside: number;
  /** Older than what the topic still holds: they may have been there. */
  readonly expired: number;
  /** Not in the topic: published after the rebase, in order. */
  readonly unpublished: number;
}

export interface RebaseResult extends RebaseCounts {
  /** Events of the topic that this database does not know: lost with the old server, or dropped. */
  readonly onlyInTopic: number;
  /** Parked events that the topic holds by now. */
  readonly unparked: number;
  readonly cancelledReplays: number;
}

interface RebaseOptions {
  readonly database: Database;
  readonly reader: LogReader;
  readonly onProgress: (text: string) => void;
  readonly signal: AbortSignal;
}

/** A transaction id that every snapshot sees: the first that Postgres gives away, while it makes a new data directory. */
const SEEN_BY_ALL = '3';

/** Counts what a rebase would find; changes nothing. While relays publish, the numbers move. */
export function previewRebase(options: RebaseOptions, partitionCount: number): Promise<RebaseResult> {
  return inTransaction(options.database, async (transaction) => {
    await readTopic(transaction, options);
    await classifyRows(transaction, partitionCount);
    return {
      ...(await countRows(transaction)),
      onlyInTopic: await countOnlyInTopic(transaction),
      unparked: await countUnparked(transaction),
      cancelledReplays: 0,
    };
  });
}

/**
 * Makes all cursors anew from what the topic holds, in one transaction. Nobody may publish until it commits: refused while a partition
 * has an owner.
 *
 * The cursor is a snapshot from before this transaction has an id, so it sees neither this transaction nor any that is still open. Rows
 * that the topic lacks get this transaction's id: the first window after the commit holds all of them and whatever was committed
 * meanwhile, ordered by seq, and so keeps the order of each key. Rows that the topic holds get an id that every snapshot sees. What is
 * appended by an owner that was declared dead lies behind the ends that were read, where the next owner's ledger begins.
 */
export function rebaseOutbox(options: RebaseOptions, identity: NewIdentity): Promise<RebaseResult> {
  return inTransaction(options.database, async (transaction) => {
    const cursor = await snapshotBeforeOwnId(transaction);
    const former = await lockUnowned(transaction);
    await readTopic(transaction, options);
    await classifyRows(transaction, former || identity.partitionCount);
    options.onProgress('writing the cursors anew');
    const counts = await countRows(transaction);
    await rewriteTransactionIds(transaction, cursor);
    const unparked = await dropParkedThatAreHeld(transaction);
    await writePartitions(transaction, cursor, identity.partitionCount);
    await remapParkedKeys(transaction, (key) => keyHash(key) % identity.partitionCount);
    const cancelledReplays = await cancelReplays(transaction);
    await writeIdentity(transaction, identity);
    await notifyRelays(transaction);
    return { ...counts, onlyInTopic: await countOnlyInTopic(transaction), unparked, cancelledReplays };
  });
}

/** Must be the first statement: a snapshot does not list its own transaction, and once others have ended after it, would see it. */
async function snapshotBeforeOwnId(transaction: Transaction): Promise<string> {
  const { rows } = await sql<{ snapshot: string; own: string | null }>`
    SELECT pg_current_snapshot()::text AS snapshot, pg_current_xact_id_if_assigned()::text AS own`.execute(
    transaction,
  );
  const [row] = rows;
  if (!row || row.own !== null) throw new Error('the transaction has an id already');
  return row.snapshot;
}

/** Answers with the number of partitions there were. */
async function lockUnowned(transaction: Transaction): Promise<number> {
  const { rows } = await sql<{ owned: boolean }>`
    SELECT coalesce(lease_until >= clock_timestamp(), false) AS owned
    FROM relay_partition ORDER BY partition FOR UPDATE`.execute(transaction);
  if (rows.some(({ owned }) => owned)) {
    throw new CommandError('a relay has taken partitions meanwhile: run it again');
  }
  return rows.length;
}

async function readTopic(transaction: Transaction, options: RebaseOptions): Promise<void> {
  await loadTopicRecords(transaction, options.reader, {
    signal: options.signal,
    onProgress: (read, all) => options.onProgress(`read ${read} of ${all} records of the topic`),
  });
  options.onProgress('comparing with the outbox');
  await sql`SET LOCAL work_mem = '64MB'`.execute(transaction);
}

/** Into `row_state` (seq, event_id, state). `partitionCount`: with which the rows were published. */
async function classifyRows(transaction: Transaction, partitionCount: number): Promise<void> {
  await sql`
    CREATE TEMP TABLE row_state ON COMMIT DROP AS
    SELECT seq, outbox.event_id, CASE
      WHEN EXISTS (SELECT FROM topic_record WHERE topic_record.event_id = outbox.event_id) THEN 'held'
      WHEN EXISTS (SELECT FROM parked_event WHERE parked_event.event_id = outbox.event_id)
        OR EXISTS (SELECT FROM discarded_event WHERE discarded_event.event_id = outbox.event_id) THEN 'set_aside'
      WHEN created_at <= CASE WHEN created_at < (SELECT updated_at FROM relay_identity)
        THEN (SELECT max(scope_from) FROM topic_range) ELSE scope_from END THEN 'expired'
      ELSE 'unpublished' END AS state
    FROM outbox LEFT JOIN topic_range ON topic_range.partition = key_hash % ${sql.lit(partitionCount)}`.execute(
    transaction,
  );
  await sql`ANALYZE row_state`.execute(transaction);
}

async function countRows(transaction: Transaction): Promise<RebaseCounts> {
  const { rows } = await sql<{ state: keyof RebaseCounts; count: number }>`
    SELECT state, count(*)::int AS count FROM row_state GROUP BY state`.execute(transaction);
  const counts = { held: 0, set_aside: 0, expired: 0, unpublished: 0 };
  for (const { state, count } of rows) counts[state] = count;
  return counts;
}

/**
 * The only place that updates the outbox, while nobody reads it. Left alone are rows that are done and seen by the cursor, and rows that
 * were committed after the classification, which are beyond the cursor as they should be.
 */
export async function rewriteTransactionIds(transaction: Transaction, cursor: string): Promise<void> {
  await sql`
    UPDATE outbox SET xid = CASE state WHEN 'unpublished' THEN pg_current_xact_id() ELSE ${SEEN_BY_ALL}::xid8 END
    FROM row_state
    WHERE row_state.seq = outbox.seq AND row_state.event_id = outbox.event_id
      AND (state = 'unpublished' OR NOT pg_visible_in_snapshot(xid, ${cursor}::pg_snapshot))`.execute(
    transaction,
  );
}

async function countUnparked(transaction: Transaction): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM parked_event
    WHERE EXISTS (SELECT FROM topic_record WHERE topic_record.event_id = parked_event.event_id)`.execute(
    transaction,
  );
  return rows[0]?.count ?? 0;
}

/** In a restored database, what was parked then may have been published since. */
async function dropParkedThatAreHeld(transaction: Transaction): Promise<number> {
  const { numAffectedRows } = await sql`
    DELETE FROM parked_event
    WHERE EXISTS (SELECT FROM topic_record WHERE topic_record.event_id = parked_event.event_id)`.execute(
    transaction,
  );
  return Number(numAffectedRows ?? 0);
}

/** All of them running, from the same cursor, with the ledger to begin at the end of the log as it was read. */
async function writePartitions(transaction: Transaction, cursor: string, count: number): Promise<void> {
  await sql`DELETE FROM relay_partition WHERE partition >= ${count}`.execute(transaction);
  await sql`
    INSERT INTO relay_partition (partition, cursor, log_offset)
    SELECT partition, ${cursor}::pg_snapshot, end_offset FROM topic_range WHERE partition < ${count}
    ON CONFLICT (partition) DO UPDATE SET
      cursor = excluded.cursor, page_target = NULL, page_seq = NULL, page_end = NULL, log_offset = excluded.log_offset,
      owner = NULL, lease_until = NULL, mode = 'running', updated_at = clock_timestamp()`.execute(
    transaction,
  );
}

/** How far they had come means nothing with other cursors. */
async function cancelReplays(transaction: Transaction): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    WITH stopped AS (
      UPDATE replay_partition SET finished_at = clock_timestamp() WHERE finished_at IS NULL RETURNING replay_id),
    cancelled AS (
      UPDATE replay_request SET cancelled_at = clock_timestamp()
      WHERE replay_id IN (SELECT replay_id FROM stopped) RETURNING replay_id)
    SELECT count(*)::int AS count FROM cancelled`.execute(transaction);
  return rows[0]?.count ?? 0;
}

async function writeIdentity(transaction: Transaction, identity: NewIdentity): Promise<void> {
  await sql`
    INSERT INTO relay_identity (system_identifier, topic, topic_id, partition_count)
    VALUES (${identity.systemIdentifier}, ${identity.topic}, ${identity.topicId}, ${identity.partitionCount})
    ON CONFLICT (singleton) DO UPDATE SET system_identifier = excluded.system_identifier, topic = excluded.topic,
      topic_id = excluded.topic_id, partition_count = excluded.partition_count,
      updated_at = clock_timestamp()`.execute(transaction);
}

async function countOnlyInTopic(transaction: Transaction): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(DISTINCT event_id)::int AS count FROM topic_record
    WHERE NOT EXISTS (SELECT FROM row_state WHERE row_state.event_id = topic_record.event_id)`.execute(
    transaction,
  );
  return rows[0]?.count ?? 0;
}
