import type { ClientBase, Pool } from 'pg';

const FUNCTIONS = ['outbox_create_day_table', 'outbox_drop_day_table', 'outbox_empty_default'];

interface RightsRow {
  role: string;
  owner: string;
  schema: string;
  may_call: boolean;
  may_create: boolean;
}

/**
 * What the role of the connection, or the owner for whom the functions act, needs to make and drop day tables of the outbox, and has not;
 * undefined when nothing is missing. Asked before anything is tried, since Postgres logs an error for whatever it refuses.
 */
export async function missingJanitorRight(pool: Pool): Promise<string | undefined> {
  const { rows } = await pool.query<RightsRow>(
    `SELECT quote_ident(current_user) AS role, relowner::regrole::text AS owner, relnamespace::regnamespace::text AS schema,
       (SELECT bool_and(has_function_privilege(to_regproc(name)::oid, 'EXECUTE')) FROM unnest($1::text[]) AS name) AS may_call,
       has_schema_privilege(relowner, relnamespace, 'CREATE') AS may_create
     FROM pg_class WHERE oid = 'outbox'::regclass`,
    [FUNCTIONS],
  );
  const [row] = rows;
  if (!row) return undefined;
  const { role, owner, schema } = row;
  if (!row.may_call) {
    return `the database role ${role} may not look after the outbox: \`GRANT EXECUTE ON FUNCTION ${FUNCTIONS.join(', ')} TO ${role}\``;
  }
  if (!row.may_create) {
    return `the owner of the outbox may make no tables in the schema ${schema}: \`GRANT CREATE ON SCHEMA ${schema} TO ${owner}\``;
  }
  return undefined;
}

const OF_OTHERS = `SELECT part.oid::regclass::text AS name, outbox.relowner::regrole::text AS owner
  FROM pg_inherits JOIN pg_class AS part ON part.oid = inhrelid JOIN pg_class AS outbox ON outbox.oid = inhparent
  WHERE inhparent = 'outbox'::regclass AND part.relowner <> outbox.relowner`;

/** Whether a day table belongs to another role than the outbox. */
export async function ownersDiffer(pool: Pool): Promise<boolean> {
  const { rowCount } = await pool.query(OF_OTHERS);
  return rowCount !== 0;
}

/** Gives day tables to the owner of the outbox: of one that is another's no migration could change the columns. */
export async function adoptDayTables(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ name: string; owner: string }>(OF_OTHERS);
  for (const { name, owner } of rows) await client.query(`ALTER TABLE ${name} OWNER TO ${owner}`);
}
