import type { Pool } from 'pg';

export interface DeliveredEvent {
  orderId: string;
  version: number;
}

/** Reads what is new since the last call. */
export type ReadNew = () => Promise<DeliveredEvent[]>;

interface Row {
  order_id: string;
  version: number;
  seq: string;
  xid: string;
}

const FIELDS = `payload::json->>'order_id' AS order_id, (payload::json->>'version')::int AS version, seq::text, xid::text`;

/** Mutant: a cursor on the sequence. A row that commits after a later one was read is skipped for ever. */
export function sequenceCursor(pool: Pool): ReadNew {
  let last = '0';
  return async () => {
    const { rows } = await pool.query<Row>(
      `SELECT ${FIELDS} FROM outbox WHERE outbox.seq > $1 ORDER BY outbox.seq`,
      [last],
    );
    last = rows.at(-1)?.seq ?? last;
    return rows.map(delivered);
  };
}

/** Mutant: a cursor on (xid, seq) below the oldest open transaction. Complete, but transaction ids are not commit order. */
export function oldestTransactionGate(pool: Pool): ReadNew {
  let last = { xid: '0', seq: '0' };
  return async () => {
    const { rows } = await pool.query<Row>(
      `SELECT ${FIELDS} FROM outbox
       WHERE outbox.xid < pg_snapshot_xmin(pg_current_snapshot())
         AND (outbox.xid > $1::xid8 OR (outbox.xid = $1::xid8 AND outbox.seq > $2))
       ORDER BY outbox.xid, outbox.seq`,
      [last.xid, last.seq],
    );
    last = rows.at(-1) ?? last;
    return rows.map(delivered);
  };
}

/** Mutant: the snapshot difference, ordered by transaction id instead of by sequence. */
export function snapshotDifferenceByTransaction(pool: Pool): ReadNew {
  let last = '3:3:';
  return async () => {
    const { rows } = await pool.query<Row & { snapshot: string }>(
      `SELECT pg_current_snapshot()::text AS snapshot, event.* FROM (VALUES (1)) AS always LEFT JOIN LATERAL (
         SELECT ${FIELDS}, outbox.xid AS id, outbox.seq AS number FROM outbox
         WHERE NOT pg_visible_in_snapshot(outbox.xid, $1::pg_snapshot)) AS event ON true
       ORDER BY event.id, event.number`,
      [last],
    );
    last = rows[0]?.snapshot ?? last;
    return rows.filter((row) => row.seq !== null).map(delivered);
  };
}

function delivered(row: Row): DeliveredEvent {
  return { orderId: row.order_id, version: row.version };
}
