import pg from 'pg';

/**
 * Every event in the outbox: what was really committed, also by requests whose answer never came. With `since`, a time of the
 * database's clock, those that were inserted later.
 */
export async function committedChanges(
  databaseUrl: string,
  since = new Date(0),
): Promise<{ orderId: string; version: number }[]> {
  // Whatever the database sets.
  const client = new pg.Client({ connectionString: databaseUrl, statement_timeout: 60_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ order_id: string; version: number }>(
      `SELECT key AS order_id, (payload::json->>'order_version')::int AS version FROM outbox WHERE created_at > $1`,
      [since],
    );
    return rows.map((row) => ({ orderId: row.order_id, version: row.version }));
  } finally {
    await client.end();
  }
}

/** The time of the database's clock, which `created_at` is taken from. */
export async function databaseTime(databaseUrl: string): Promise<Date> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now');
    return rows[0]?.now ?? new Date(Number.NaN);
  } finally {
    await client.end();
  }
}
