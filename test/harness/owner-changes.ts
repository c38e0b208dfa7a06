import pg from 'pg';

/** One partition that got another owner, or none, by the database's clock. */
export interface OwnerChange {
  readonly partition: number;
  readonly owner: string | null;
  readonly atMs: number;
}

/** Lets the database write down each change of an owner, in the transaction that makes it. */
export async function recordOwnerChanges(databaseUrl: string): Promise<{
  /** Time of the database's clock, and how long it took to ask for it. */
  now(): Promise<{ atMs: number; roundTripMs: number }>;
  changesSince(atMs: number): Promise<OwnerChange[]>;
  end(): Promise<void>;
}> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`
    CREATE TABLE owner_change (partition int, owner text, at timestamptz DEFAULT clock_timestamp());
    CREATE FUNCTION record_owner_change() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO owner_change (partition, owner) VALUES (NEW.partition, NEW.owner); RETURN NULL; END';
    CREATE TRIGGER owner_change AFTER UPDATE ON relay_partition FOR EACH ROW
      WHEN (OLD.owner IS DISTINCT FROM NEW.owner) EXECUTE FUNCTION record_owner_change()`);
  return {
    async now() {
      const startMs = performance.now();
      const { rows } = await client.query<{ atMs: number }>(
        `SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS "atMs"`,
      );
      return { atMs: rows[0]?.atMs ?? NaN, roundTripMs: performance.now() - startMs };
    },
    async changesSince(atMs) {
      const { rows } = await client.query<OwnerChange>(
        `SELECT partition, owner, extract(epoch FROM at)::float8 * 1000 AS "atMs" FROM owner_change
         WHERE at >= to_timestamp($1::float8 / 1000) ORDER BY at`,
        [atMs],
      );
      return rows;
    },
    end: () => client.end(),
  };
}
