import type { Pool } from 'pg';
import { MIGRATION_TABLE } from './migration-table.ts';

/** Of a table, a sequence or a function: what has to be granted on it. */
export type NeededRights = Readonly<Record<string, readonly string[]>>;

/*
 * What the processes ask of the database, as ops/postgres/rights.sql grants it. What is missing is found before it is refused: a
 * statement in the middle of something is the wrong place to learn of it.
 */

export const API_RIGHTS: NeededRights = {
  [MIGRATION_TABLE]: ['SELECT'],
  orders: ['SELECT', 'INSERT', 'UPDATE'],
  idempotency_keys: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  outbox: ['INSERT'],
  outbox_seq: ['USAGE'],
  outbox_run: ['EXECUTE'],
  outbox_changes: ['EXECUTE'],
};

/** Without these a relay publishes nothing. */
export const PUBLISHING_RIGHTS: NeededRights = {
  outbox: ['SELECT'],
  outbox_seq: ['SELECT'],
  relay_partition: ['SELECT', 'INSERT', 'UPDATE'],
  relay_identity: ['SELECT', 'INSERT', 'UPDATE'],
  relay_instance: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  outbox_page: ['EXECUTE'],
  relay_server_run: ['EXECUTE'],
};

/** Without these it publishes what nothing is the matter with. */
export const ATTENDING_RIGHTS: NeededRights = {
  relay_report: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  parked_event: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  discarded_event: ['SELECT'],
  outbox_dropped_since: ['EXECUTE'],
  replay_request: ['SELECT'],
  replay_partition: ['SELECT', 'UPDATE'],
};

/** What of `needed` the role of the connection has not, in a sentence with the mend; undefined when nothing is missing. */
export async function missingRights(pool: Pool, needed: NeededRights): Promise<string | undefined> {
  const pairs = Object.entries(needed).flatMap(([name, rights]) => rights.map((right) => [name, right]));
  // What is not there at all, in a schema that is too old or hidden, is found by others.
  const { rows } = await pool.query<{ role: string; name: string; rights: string }>(
    `SELECT current_user AS role, name, string_agg("right", ', ') AS rights
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS needed (name, "right", place)
     LEFT JOIN pg_class ON pg_class.oid = to_regclass(name)
     WHERE NOT CASE
       WHEN "right" = 'EXECUTE' THEN has_function_privilege(to_regproc(name)::oid, "right")
       WHEN relkind = 'S' THEN has_sequence_privilege(pg_class.oid, "right")
       ELSE has_table_privilege(pg_class.oid, "right") END
     GROUP BY name ORDER BY min(place)`,
    [pairs.map(([name]) => name), pairs.map(([, right]) => right)],
  );
  const [first] = rows;
  if (!first) return undefined;
  const lacking = rows.map(({ name, rights }) => `${rights} on ${name}`).join('; ');
  return `the database role ${first.role} lacks rights (${lacking}): grant them, ops/postgres/rights.sql has all`;
}
