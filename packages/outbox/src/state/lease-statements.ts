import { CHECKPOINT_COLUMNS } from './checkpoint-row.ts';
import { hasHeartbeat } from './live-relays.ts';
import { isStampedAhead } from './stamped-ahead.ts';

/*
 * Every statement that writes `relay_partition` and `relay_instance`, repairs apart: what a lease is, and who may store what, is said
 * once. Parameters of those of a relay: $1 its id, $2 the duration of a lease in milliseconds, from $3 on what it holds.
 */

const LEASE = `$2::int * interval '1 millisecond'`;
const heldFrom = (first: number): string => {
  const types = [
    'int',
    'bigint',
    'text[]::pg_snapshot',
    'text[]::pg_snapshot',
    'bigint',
    'bigint',
    'bigint',
    'text[]::jsonb',
  ];
  const arrays = [...types, 'text[]::jsonb'].map((type, index) => `$${first + index}::${type}[]`);
  return `SELECT * FROM unnest(${arrays.join(', ')})
  AS held (partition, epoch, cursor, page_target, page_seq, page_end, log_offset, log_mark, log_history)`;
};
const HELD = heldFrom(3);
const IS_OURS = 'lease.partition = held.partition AND lease.epoch = held.epoch AND lease.owner = $1';
/**
 * - A request that was on its way for too long must not undo what came after it: cursors of one epoch only grow.
 * - A database that has crashed, was restored or failed over may have lost transactions that a cursor in memory has seen, and gives
 *   their ids out again. Its stored cursor is the right one to go on from: the relay loses its lease and takes it again from there.
 */
const IS_STORABLE = `(pg_snapshot_xmax(held.cursor), pg_snapshot_xmin(held.cursor))
    >= (pg_snapshot_xmax(lease.cursor), pg_snapshot_xmin(lease.cursor))
  AND pg_snapshot_xmax(held.cursor) <= pg_snapshot_xmax(pg_current_snapshot())
  AND lease.server_run = (SELECT relay_server_run())`;
/**
 * A row that somebody has locked must not keep the others from being written, so it is left out: its lease ends when it was to end. A row
 * that changed hands in this moment is left out as well, and found to be another's the next time.
 */
const WRITABLE = `writable AS MATERIALIZED (
  SELECT lease.partition FROM relay_partition AS lease JOIN held ON ${IS_OURS} FOR NO KEY UPDATE OF lease SKIP LOCKED)`;
/** A history that is as it was stays where it is stored, instead of being written again every second. */
const SET_CHECKPOINT = `cursor = held.cursor, page_target = held.page_target,
  page_seq = held.page_seq, page_end = held.page_end, log_offset = held.log_offset, log_mark = held.log_mark,
  log_history = CASE WHEN held.log_history = lease.log_history THEN lease.log_history ELSE held.log_history END`;
const IS_ALIVE = hasHeartbeat(LEASE);
/** In the shares: one that does not reach Kafka and has said so leaves them to the others. */
const COUNTS = `${IS_ALIVE} AND kafka_reach IS DISTINCT FROM 'gave way'`;
/** A partition that drains needs an owner only for the rest of its window. */
const MAY_BE_OWNED = `(lease.mode = 'running' OR lease.mode = 'draining' AND lease.page_target IS NOT NULL)`;
const IS_FREE = `((lease.owner IS NULL OR lease.lease_until < clock_timestamp() OR lease.owner = $1)
  AND lease.partition NOT IN (SELECT partition FROM held))`;
const selectView = (locked: string) => `SELECT
  (SELECT coalesce(json_agg(ours), '[]') FROM ours) AS ours, ${locked} AS locked,
  (SELECT count(*)::int FROM relay_instance WHERE id <> $1 AND ${COUNTS}) AS others,
  (SELECT count(*)::int FROM relay_instance WHERE id < $1 AND ${COUNTS}) AS rank,
  (SELECT count(*)::int FROM relay_instance WHERE id <> $1 AND ${IS_ALIVE} AND kafka_reach = 'steady') AS steady,
  (SELECT count(*)::int FROM relay_instance WHERE id <> $1 AND ${IS_ALIVE} AND kafka_reach IS NULL) AS untold,
  (SELECT count(*)::int FROM relay_partition AS lease WHERE ${MAY_BE_OWNED}) AS available,
  (SELECT count(*)::int FROM relay_partition AS lease WHERE ${MAY_BE_OWNED} AND ${IS_FREE}) AS free`;

/**
 * Stamps leases anew which were stamped ahead, those of `except` (SQL for a text) left alone: each ends after its own duration from now
 * unless its owner, who may be alive, renews it. So a hand-over that nobody needs is not forced either.
 */
const restampLeases = (except: string): string => `UPDATE relay_partition AS stamped
  SET lease_until = clock_timestamp() + (stamped.lease_until - stamped.updated_at), updated_at = clock_timestamp()
  FROM (SELECT partition FROM relay_partition
        WHERE owner IS DISTINCT FROM ${except} AND ${isStampedAhead('updated_at')}
        ORDER BY partition FOR NO KEY UPDATE SKIP LOCKED) AS ahead
  WHERE stamped.partition = ahead.partition`;

/** Those of everybody: whoever waits for partitions to be given up waits for no lease that was stamped ahead of the clock. */
export const RESTAMP_LEASES = restampLeases('NULL');

/** Only the first time: later ones would start at the beginning of the outbox, in the middle of a change of their number. */
export const ENSURE_PARTITIONS = `INSERT INTO relay_partition (partition, cursor)
  SELECT partition, $2::pg_snapshot FROM generate_series(0, $1::int - 1) AS partition
  WHERE NOT EXISTS (SELECT FROM relay_partition)
  ON CONFLICT (partition) DO NOTHING`;

export const RENEW = `WITH held AS (${HELD}),
  own_instance AS (SELECT id FROM relay_instance WHERE id = $1 AND $12 FOR NO KEY UPDATE SKIP LOCKED),
  heartbeat AS (
    UPDATE relay_instance SET heartbeat_at = clock_timestamp(), kafka_reach = $13 FROM own_instance
    WHERE relay_instance.id = own_instance.id),
  joined AS (
    INSERT INTO relay_instance (id, heartbeat_at, kafka_reach)
    SELECT $1, clock_timestamp(), $13::text WHERE $12 AND NOT EXISTS (SELECT FROM relay_instance WHERE id = $1)
    ON CONFLICT (id) DO NOTHING),
  pruned AS (
    DELETE FROM relay_instance WHERE id IN (
      SELECT id FROM relay_instance WHERE id <> $1 AND NOT ${IS_ALIVE} FOR UPDATE SKIP LOCKED)),
  restamped AS (${restampLeases('$1')}),
  alive_again AS (
    UPDATE relay_instance SET heartbeat_at = clock_timestamp() WHERE id IN (
      SELECT id FROM relay_instance WHERE id <> $1 AND ${isStampedAhead('heartbeat_at')} FOR NO KEY UPDATE SKIP LOCKED)),
  storable AS MATERIALIZED (
    SELECT lease.partition, lease.mode FROM relay_partition AS lease JOIN held ON ${IS_OURS} AND ${IS_STORABLE}),
  ${WRITABLE},
  renewed AS (
    UPDATE relay_partition AS lease
    SET lease_until = clock_timestamp() + ${LEASE}, updated_at = clock_timestamp(), ${SET_CHECKPOINT}
    FROM held JOIN writable USING (partition) WHERE ${IS_OURS} AND ${IS_STORABLE}
    RETURNING lease.partition, lease.mode),
  locked AS (
    SELECT partition, mode FROM storable WHERE partition NOT IN (SELECT partition FROM writable)),
  ours AS (SELECT * FROM renewed UNION ALL SELECT * FROM locked)
  ${selectView("(SELECT coalesce(json_agg(partition), '[]') FROM locked)")}`;

export const LOOK = `WITH held AS (SELECT * FROM unnest($3::int[], $4::bigint[]) AS held (partition, epoch)),
  ours AS (SELECT lease.partition, lease.mode FROM relay_partition AS lease JOIN held ON ${IS_OURS})
  ${selectView(`'[]'::json`)}`;

/** Materialized: a plan that runs the sub-query again for each row would take more than the limit. */
export const ACQUIRE = `WITH held AS (SELECT unnest($3::int[]) AS partition),
  free AS MATERIALIZED (
    SELECT partition FROM relay_partition AS lease WHERE ${MAY_BE_OWNED} AND ${IS_FREE}
    ORDER BY partition LIMIT $4 FOR UPDATE SKIP LOCKED)
  UPDATE relay_partition AS lease
  SET owner = $1, epoch = epoch + 1, updated_at = clock_timestamp(), lease_until = clock_timestamp() + ${LEASE},
    server_run = (SELECT relay_server_run())
  FROM free WHERE lease.partition = free.partition
  RETURNING lease.partition, epoch, mode, ${CHECKPOINT_COLUMNS}`;

export const RELEASE = `WITH held AS (${HELD}),
  gone AS (
    DELETE FROM relay_instance WHERE id IN (
      SELECT id FROM relay_instance WHERE id = $1 AND $2 FOR UPDATE SKIP LOCKED)),
  ${WRITABLE},
  released AS (
    UPDATE relay_partition AS lease
    SET owner = NULL, lease_until = NULL, updated_at = clock_timestamp(), ${SET_CHECKPOINT}
    FROM held JOIN writable USING (partition) WHERE ${IS_OURS} AND ${IS_STORABLE}
    RETURNING lease.partition)
  SELECT array_agg(partition) AS released FROM released`;

/**
 * Gives a lease back with a checkpoint that goes back: for a log that has lost what came after it. Without an owner no renewal that is
 * still on its way undoes it. Only in the run of the server in which the lease was taken, as checkpoints of another one mean nothing.
 */
export const GO_BACK = `WITH held AS (${heldFrom(2)})
  UPDATE relay_partition AS lease SET owner = NULL, lease_until = NULL, updated_at = clock_timestamp(), ${SET_CHECKPOINT}
  FROM held WHERE ${IS_OURS} AND lease.server_run = (SELECT relay_server_run())
  RETURNING outbox_dropped_since(held.cursor) AS dropped`;

export const PUT_BACK = `UPDATE relay_partition AS lease SET owner = NULL, lease_until = NULL, updated_at = clock_timestamp()
  FROM unnest($2::int[], $3::bigint[]) AS held (partition, epoch) WHERE ${IS_OURS}`;

/** $1 the mode, $2 the partitions, all when null. In the order in which relays lock them, so that neither has to wait for the other. */
export const SET_MODE = `WITH concerned AS (
    SELECT partition FROM relay_partition
    WHERE mode <> $1 AND ($2::int[] IS NULL OR partition = ANY($2::int[]))
    ORDER BY partition FOR UPDATE)
  UPDATE relay_partition SET mode = $1 FROM concerned
  WHERE relay_partition.partition = concerned.partition
  RETURNING relay_partition.partition`;
