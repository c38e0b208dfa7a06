import pg from 'pg';

/** Every event in the outbox: what was really committed, also by requests whose answer never came. */
export async function committedChanges(databaseUrl: string): Promise<{ orderId: string; version: number }[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ order_id: string; version: number }>(
      `SELECT key AS order_id, (payload::json->>'order_version')::int AS version FROM outbox`,
    );
    return rows.map((row) => ({ orderId: row.order_id, version: row.version }));
  } finally {
    await client.end();
  }
}
