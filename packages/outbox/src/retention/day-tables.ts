import type { ClientBase, Pool } from 'pg';
import { adoptDayTables } from './day-table-owner.ts';
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

/**
 * Makes a day table like the default one. A new table that is then attached locks less than CREATE … PARTITION OF: inserts into other
 * tables go on, and only the default one is locked while Postgres looks into it for rows of the new range.
 */
export async function createDayTable(client: ClientBase, table: DayTable): Promise<'created' | 'nothing'> {
  const { name, from, to } = table;
  if (await isDayTable(client, name)) return 'nothing';
  const { rows } = await client.query<{ settings: string | null }>(
    `SELECT array_to_string(reloptions, ', ') AS settings FROM pg_class WHERE oid = 'outbox_default'::regclass`,
  );
  const settings = rows[0]?.settings;
  await client.query(
    `CREATE TABLE IF NOT EXISTS ${name} (LIKE outbox INCLUDING ALL)${settings ? ` WITH (${settings})` : ''}`,
  );
  await client.query(
    `ALTER TABLE outbox ATTACH PARTITION ${name} FOR VALUES FROM ('${from.toISOString()}') TO ('${to.toISOString()}')`,
  );
  await adoptDayTables(client);
  return 'created';
}

/** Looks first without a lock, and again under it. */
export async function dropDayTable(client: ClientBase, table: DayTable): Promise<Retirement> {
  const { name, to } = table;
  if (!(await isDayTable(client, name))) return 'nothing';
  const reason = await reasonToKeep(client, name, to);
  if (reason) return reason;
  // In the order in which writers and readers take their locks, so that no two wait for each other.
  await client.query('LOCK TABLE ONLY outbox IN ACCESS EXCLUSIVE MODE');
  await client.query(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
  const reasonNow = await reasonToKeep(client, name, to);
  if (reasonNow) return reasonNow;
  await client.query(`DROP TABLE ${name}`);
  return 'retired';
}

/** Empties the default table once all of it is older than `cutoff` and of no use. */
export async function emptyDefaultTable(client: ClientBase, cutoff: Date): Promise<Retirement> {
  const outlook = await outlookOfDefault(client, cutoff);
  if (outlook !== 'retired') return outlook;
  await client.query('LOCK TABLE outbox_default IN ACCESS EXCLUSIVE MODE');
  const outlookNow = await outlookOfDefault(client, cutoff);
  if (outlookNow === 'retired') await client.query('TRUNCATE outbox_default');
  return outlookNow;
}

async function outlookOfDefault(client: ClientBase, cutoff: Date): Promise<Retirement> {
  const { rows } = await client.query<{ created_at: Date }>(
    'SELECT created_at FROM outbox_default ORDER BY seq DESC LIMIT 1',
  );
  if (!rows[0] || rows[0].created_at >= cutoff) return 'nothing';
  const young = await client.query('SELECT FROM outbox_default WHERE created_at >= $1 LIMIT 1', [cutoff]);
  if (young.rowCount) return 'nothing';
  return (await reasonToKeep(client, 'outbox_default', cutoff)) ?? 'retired';
}

async function isDayTable(client: ClientBase, name: string): Promise<boolean> {
  const { rows } = await client.query<{ attached: boolean }>(
    'SELECT relispartition AS attached FROM pg_class WHERE oid = to_regclass($1)',
    [name],
  );
  return rows[0]?.attached === true;
}

/**
 * Published is what every cursor covers: its transaction is older than the oldest one in progress at any of them. Cursors of windows in
 * progress and of paused partitions count as they stand.
 */
async function reasonToKeep(
  client: ClientBase,
  table: string,
  before: Date,
): Promise<KeepReason | undefined> {
  const { rows } = await client.query<{ published: boolean; replayed: boolean }>(
    `WITH last AS MATERIALIZED (
       SELECT (SELECT xid FROM ${table} ORDER BY xid DESC LIMIT 1) AS xid,
              (SELECT seq FROM ${table} ORDER BY seq DESC LIMIT 1) AS seq)
     SELECT xid IS NULL OR coalesce((SELECT bool_and(xid < pg_snapshot_xmin(cursor)) FROM relay_partition), false) AS published,
            EXISTS (SELECT FROM replay_partition JOIN replay_request USING (replay_id)
                    WHERE finished_at IS NULL AND after_seq < last.seq
                      AND (since IS NULL OR since < $1) AND (from_seq IS NULL OR from_seq <= last.seq)) AS replayed
     FROM last`,
    [before],
  );
  if (!rows[0]?.published) return 'not published';
  return rows[0].replayed ? 'a replay needs it' : undefined;
}
