import { durationText } from '@order-events/runtime';
import type { Finding } from '../health/delivery-health.ts';
import type { Queries } from '../queries.ts';

/** What relays must be able to write within a lease. */
const TABLES = [
  'relay_partition',
  'relay_instance',
  'relay_identity',
  'parked_event',
  'replay_request',
  'replay_partition',
];
const SHOWN = 5;

interface Row {
  pid: number;
  tables: string;
  waits: boolean;
  application_name: string;
  usename: string;
  state: string;
  age: string;
}

/**
 * Sessions that have held a lock on a table of the relays for longer than `heldMs`, or that wait for one that shuts everybody out, and
 * those that make these wait. Asks the lock table only, so it is answered whatever is locked. Sessions of other roles are seen only with
 * the role pg_read_all_stats.
 */
export async function lockFindings(queries: Queries, heldMs: number): Promise<Finding[]> {
  const { rows } = await queries.query<Row>(
    `WITH locks AS (
       SELECT pid, relation::regclass::text AS relation, mode, granted FROM pg_locks
       WHERE locktype = 'relation' AND relation = ANY ($1::text[]::regclass[]::oid[]) AND pid IS NOT NULL
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
     holders AS (
       SELECT pid, relation, NOT granted AS waits FROM locks
       WHERE mode IN ('RowShareLock', 'RowExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
         AND (granted OR mode = 'AccessExclusiveLock')
       UNION
       SELECT blocking, relation, false FROM locks, unnest(pg_blocking_pids(pid)) AS blocking
       WHERE NOT granted AND mode = 'AccessExclusiveLock')
     SELECT pid, string_agg(DISTINCT relation, ', ') AS tables, bool_or(waits) AS waits, application_name, usename, state,
       extract(epoch FROM clock_timestamp() - xact_start) AS age
     FROM holders JOIN pg_stat_activity USING (pid)
     WHERE clock_timestamp() - xact_start > $2::int * interval '1 millisecond' AND application_name NOT LIKE 'relay%'
     GROUP BY pid, application_name, usename, state, xact_start ORDER BY xact_start LIMIT ${SHOWN}`,
    [TABLES, heldMs],
  );
  return rows.map((row) => ({ name: 'locked-table', severity: 'fault', text: textOf(row) }));
}

function textOf({ pid, tables, waits, application_name: application, usename, state, age }: Row): string {
  const who = `${application || 'a session'} (user ${usename}, pid ${pid}, ${state})`;
  const what = waits ? 'waits to lock, and whoever comes later waits behind it,' : 'has locks on';
  return `${who} ${what} ${tables} for ${durationText(Number(age))}: \`SELECT pg_terminate_backend(${pid})\` ends it`;
}
