import { inPoolTransaction } from '@order-events/database';
import { keyHash, type LogReader, type UnreadableBatchError } from '@order-events/messaging';
import type { ClientBase, Pool } from 'pg';
import { PRESENT_DATABASE } from '../state/identity.ts';
import { remapParkedKeys } from '../state/parked-events.ts';
import { IS_OWNED } from '../state/partitions.ts';
import { inTransactionForRelays } from '../state/relay-notification.ts';
import { RefusedError } from './refused-error.ts';
import { isSequenceDisordered, numberAnew, reserveNumbers } from './sequence.ts';
import { loadTopicRecords } from './topic-records.ts';

/** What the cursors will belong to. */
export interface NewIdentity {
  readonly systemIdentifier: string;
  readonly clusterId: string;
  readonly topic: string;
  readonly topicId: string;
  readonly partitionCount: number;
}

/** What the rows of the outbox are to the topic; the first that fits counts. */
export interface RebaseCounts {
  readonly held: number;
  /** Parked or discarded: not the relay's any more. */
  readonly setAside: number;
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
  /** Parts of the topic that cannot be read: their events count as unpublished. */
  readonly unreadable: readonly UnreadableBatchError[];
  /** Unpublished events that got other numbers, because the sequence gave some out twice. */
  readonly renumbered: number;
}

interface RebaseOptions {
  readonly pool: Pool;
  readonly reader: LogReader;
  readonly onProgress: (text: string) => void;
  readonly signal: AbortSignal;
}

/** A transaction id that every snapshot sees: the first that Postgres gives away, while it makes a new data directory. */
const SEEN_BY_ALL = '3';

/** Counts what a rebase would find; changes nothing. While relays publish, the numbers move. */
export function previewRebase(options: RebaseOptions, partitionCount: number): Promise<RebaseResult> {
  return inPoolTransaction(options.pool, async (client) => {
    const unreadable = await readTopic(client, options);
    await classifyRows(client, partitionCount);
    const counts = await countRows(client);
    return {
      ...counts,
      renumbered: (await isSequenceDisordered(client)) ? counts.unpublished : 0,
      onlyInTopic: await countOnlyInTopic(client),
      unparked: await countUnparked(client),
      cancelledReplays: 0,
      unreadable,
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
export async function rebaseOutbox(options: RebaseOptions, identity: NewIdentity): Promise<RebaseResult> {
  const numbers = (await isSequenceDisordered(options.pool)) ? await reserveNumbers(options.pool) : undefined;
  return inTransactionForRelays(options.pool, async (client) => {
    const cursor = await snapshotBeforeOwnId(client);
    const former = await lockUnowned(client);
    const unreadable = await readTopic(client, options);
    await classifyRows(client, former || identity.partitionCount);
    options.onProgress('writing the cursors anew');
    const counts = await countRows(client);
    const renumbered = numbers ? await numberAnew(client, numbers) : 0;
    await rewriteTransactionIds(client, cursor);
    const unparked = await dropParkedThatAreHeld(client);
    await writePartitions(client, cursor, identity.partitionCount);
    await remapParkedKeys(client, (key) => keyHash(key) % identity.partitionCount);
    const cancelledReplays = await cancelReplays(client);
    await writeIdentity(client, identity);
    const onlyInTopic = await countOnlyInTopic(client);
    return { ...counts, renumbered, onlyInTopic, unparked, cancelledReplays, unreadable };
  });
}

/** Must be the first statement: a snapshot does not list its own transaction, and once others have ended after it, would see it. */
async function snapshotBeforeOwnId(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ snapshot: string; own: string | null }>(
    'SELECT pg_current_snapshot()::text AS snapshot, pg_current_xact_id_if_assigned()::text AS own',
  );
  const [row] = rows;
  if (!row || row.own !== null) throw new Error('the transaction has an id already');
  return row.snapshot;
}

/** Answers with the number of partitions there were. */
async function lockUnowned(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ owned: boolean }>(
    `SELECT ${IS_OWNED} AS owned FROM relay_partition ORDER BY partition FOR UPDATE`,
  );
  if (rows.some(({ owned }) => owned)) {
    throw new RefusedError('a relay has taken partitions meanwhile: run it again');
  }
  return rows.length;
}

async function readTopic(
  client: ClientBase,
  options: RebaseOptions,
): Promise<readonly UnreadableBatchError[]> {
  const { unreadable } = await loadTopicRecords(client, options.reader, {
    signal: options.signal,
    onProgress: (read, all) => options.onProgress(`read ${read} of ${all} records of the topic`),
  });
  options.onProgress('comparing with the outbox');
  await client.query(`SET LOCAL work_mem = '64MB'`);
  return unreadable;
}

/** Into `row_state` (seq, event_id, created_at, new_seq, state). `partitionCount`: with which the rows were published. */
async function classifyRows(client: ClientBase, partitionCount: number): Promise<void> {
  // No parameter is taken where a table is made.
  const count = Math.trunc(partitionCount);
  await client.query(
    `CREATE TEMP TABLE row_state ON COMMIT DROP AS
     SELECT seq, outbox.event_id, created_at, NULL::bigint AS new_seq, CASE
       WHEN EXISTS (SELECT FROM topic_record WHERE topic_record.event_id = outbox.event_id) THEN 'held'
       WHEN EXISTS (SELECT FROM parked_event WHERE parked_event.event_id = outbox.event_id)
         OR EXISTS (SELECT FROM discarded_event WHERE discarded_event.event_id = outbox.event_id) THEN 'setAside'
       WHEN created_at <= CASE WHEN created_at < (SELECT updated_at FROM relay_identity)
         THEN (SELECT max(scope_from) FROM topic_range) ELSE scope_from END THEN 'expired'
       ELSE 'unpublished' END AS state
     FROM outbox LEFT JOIN topic_range ON topic_range.partition = key_hash % ${count}`,
  );
  await client.query('ANALYZE row_state');
}

async function countRows(client: ClientBase): Promise<RebaseCounts> {
  const { rows } = await client.query<{ state: keyof RebaseCounts; count: number }>(
    'SELECT state, count(*)::int AS count FROM row_state GROUP BY state',
  );
  const counts = { held: 0, setAside: 0, expired: 0, unpublished: 0 };
  for (const { state, count } of rows) counts[state] = count;
  return counts;
}

/**
 * The only place that updates the outbox, while nobody reads it. Left alone are rows that are done and seen by the cursor, and rows that
 * were committed after the classification, which are beyond the cursor as they should be.
 */
export async function rewriteTransactionIds(client: ClientBase, cursor: string): Promise<void> {
  await client.query(
    `UPDATE outbox SET seq = coalesce(new_seq, outbox.seq),
       xid = CASE state WHEN 'unpublished' THEN pg_current_xact_id() ELSE $1::xid8 END
     FROM row_state
     WHERE row_state.seq = outbox.seq AND row_state.event_id = outbox.event_id
       AND (state = 'unpublished' OR NOT pg_visible_in_snapshot(xid, $2::pg_snapshot))`,
    [SEEN_BY_ALL, cursor],
  );
}

async function countUnparked(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM parked_event
     WHERE EXISTS (SELECT FROM topic_record WHERE topic_record.event_id = parked_event.event_id)`,
  );
  return rows[0]?.count ?? 0;
}

/** In a restored database, what was parked then may have been published since. */
async function dropParkedThatAreHeld(client: ClientBase): Promise<number> {
  const { rowCount } = await client.query(
    `DELETE FROM parked_event
     WHERE EXISTS (SELECT FROM topic_record WHERE topic_record.event_id = parked_event.event_id)`,
  );
  return rowCount ?? 0;
}

/** All of them running, from the same cursor, with the ledger to begin at the end of the log as it was read. */
async function writePartitions(client: ClientBase, cursor: string, count: number): Promise<void> {
  await client.query('DELETE FROM relay_partition WHERE partition >= $1', [count]);
  await client.query(
    `INSERT INTO relay_partition (partition, cursor, log_offset)
     SELECT partition, $1::pg_snapshot, end_offset FROM topic_range WHERE partition < $2
     ON CONFLICT (partition) DO UPDATE SET
       cursor = excluded.cursor, page_target = NULL, page_seq = NULL, page_end = NULL, log_offset = excluded.log_offset,
       log_mark = NULL, log_history = NULL,
       owner = NULL, lease_until = NULL, mode = 'running', updated_at = clock_timestamp()`,
    [cursor, count],
  );
}

/** How far they had come means nothing with other cursors. */
async function cancelReplays(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `WITH stopped AS (
       UPDATE replay_partition SET finished_at = clock_timestamp() WHERE finished_at IS NULL RETURNING replay_id),
     cancelled AS (
       UPDATE replay_request SET cancelled_at = clock_timestamp()
       WHERE replay_id IN (SELECT replay_id FROM stopped) RETURNING replay_id)
     SELECT count(*)::int AS count FROM cancelled`,
  );
  return rows[0]?.count ?? 0;
}

async function writeIdentity(client: ClientBase, identity: NewIdentity): Promise<void> {
  await client.query(
    `INSERT INTO relay_identity (system_identifier, cluster_id, topic, topic_id, partition_count, database_oid)
     VALUES ($1, $2, $3, $4, $5, ${PRESENT_DATABASE})
     ON CONFLICT (singleton) DO UPDATE SET system_identifier = excluded.system_identifier,
       cluster_id = excluded.cluster_id, database_oid = excluded.database_oid, topic = excluded.topic, topic_id = excluded.topic_id,
       partition_count = excluded.partition_count, updated_at = clock_timestamp()`,
    [
      identity.systemIdentifier,
      identity.clusterId,
      identity.topic,
      identity.topicId,
      identity.partitionCount,
    ],
  );
}

async function countOnlyInTopic(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(DISTINCT event_id)::int AS count FROM topic_record
     WHERE NOT EXISTS (SELECT FROM row_state WHERE row_state.event_id = topic_record.event_id)`,
  );
  return rows[0]?.count ?? 0;
}
