import type { ClientBase, Pool } from 'pg';
import type { DayTable } from './day-table-plan.ts';

/** Why rows past the replay window have to stay. */
export type KeepReason = 'not published' | 'a replay needs it';

/** `nothing`: there was nothing to drop yet, or another janitor was faster. */
export type Retirement = 'retired' | 'nothing' | KeepReason;

export interface StoredDayTables {
  /** Of the database: relays' clocks may differ. */
  readonly now: Date;
  readonly dated: readonly DayTable[];
}

export async function readDayTables(pool: Pool): Promise<StoredDayTables> {
  const { rows } = await pool.query<{ now: Date; name: string | null; from: Date; to: Date }>(
    `SELECT clock_timestamp() AS now, part.name, (part.ends)[1]::timestamptz AS from, (part.ends)[2]::timestamptz AS to
     FROM (VALUES (1)) AS always LEFT JOIN (
       SELECT relname AS name,
              regexp_match(pg_get_expr(relpartbound, pg_class.oid), 'FROM \\(''([^'']+)''\\) TO \\(''([^'']+)''\\)') AS ends
       FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid WHERE inhparent = 'outbox'::regclass
     ) AS part ON part.ends IS NOT NULL`,
  );
  const dated = rows.flatMap(({ name, from, to }) => (name === null ? [] : [{ name, from, to }]));
  return { now: rows[0]?.now ?? new Date(), dated };
}

/** The function acts as the owner of the outbox, so that the relay's role needs not be it. */
export async function createDayTable(
  client: ClientBase,
  { name, from, to }: DayTable,
): Promise<'created' | 'nothing'> {
  return ask(client, 'SELECT outbox_create_day_table($1, $2, $3) AS answer', [name, from, to]);
}

/** Drops it unless something in it is not published yet, or a replay needs it. */
export async function dropDayTable(client: ClientBase, { name }: DayTable): Promise<Retirement> {
  return ask(client, 'SELECT outbox_drop_day_table($1) AS answer', [name]);
}

/** Empties the default table once all of it is older than `cutoff` and of no use. */
export async function emptyDefaultTable(client: ClientBase, cutoff: Date): Promise<Retirement> {
  return ask(client, 'SELECT outbox_empty_default($1) AS answer', [cutoff]);
}

/** `Answer`: what the function of the migration answers. */
async function ask<Answer extends string>(
  client: ClientBase,
  sql: string,
  values: readonly unknown[],
): Promise<Answer> {
  const { rows } = await client.query<{ answer: Answer }>(sql, [...values]);
  const [row] = rows;
  if (!row) throw new Error('a function of the outbox answered nothing');
  return row.answer;
}
