import type { Queries } from '../queries.ts';

/** A transaction that has written something and is not over. */
export interface OpenTransaction {
  readonly ageSeconds: number;
  /** Undefined for a prepared transaction, which belongs to no connection. */
  readonly pid: number | undefined;
  /** Of a prepared transaction, its identifier. */
  readonly applicationName: string;
  readonly user: string;
  readonly database: string;
  /** As in pg_stat_activity, or `prepared`. */
  readonly state: string;
  /** As in pg_stat_statements; undefined when the server does not compute it. */
  readonly queryId: string | undefined;
}

const SHOWN = 5;

interface Row {
  age: string;
  pid: number | null;
  application_name: string;
  usename: string;
  datname: string;
  state: string;
  query_id: bigint | string | null;
}

/**
 * The oldest open transactions that have written something, of the whole server: an outbox partition can be dropped only when none of
 * them is older than its events. Reading never waits for them. Those of other roles are seen only with the role pg_read_all_stats.
 */
export async function readOpenTransactions(queries: Queries): Promise<OpenTransaction[]> {
  const { rows } = await queries.query<Row>(
    `SELECT extract(epoch FROM clock_timestamp() - began_at) AS age, pid, application_name, usename, datname, state, query_id
     FROM (
       SELECT xact_start AS began_at, pid, application_name, usename, datname, state, query_id
       FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND xact_start IS NOT NULL
       UNION ALL
       SELECT prepared, NULL, gid, owner, database, 'prepared', NULL FROM pg_prepared_xacts
     ) AS open ORDER BY began_at LIMIT ${SHOWN}`,
  );
  return rows.map((row) => ({
    ageSeconds: Math.max(0, Number(row.age)),
    pid: row.pid ?? undefined,
    applicationName: row.application_name,
    user: row.usename,
    database: row.datname,
    state: row.state,
    queryId: row.query_id === null ? undefined : String(row.query_id),
  }));
}
