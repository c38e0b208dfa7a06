import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type { Pool } from 'pg';

/** The program has a handful of insert statements; were there ever more, the rest would be sent as before. */
const MAX_STATEMENTS = 100;

/**
 * Has the server parse and plan each insert once per session and not each time: half of what an insert of one row costs it. Only
 * inserts, and only those that answer with columns by their names or none: a migration may add columns to what a prepared SELECT or
 * RETURNING of all answers with, and the server would then refuse it. Needs sessions, so it is not for a pooler in transaction mode.
 */
export function preparingInserts(pool: Pool): PostgresPool {
  const names = new Map<string, string>();
  function nameOf(text: string): string | undefined {
    if (!/^insert /i.test(text) || / returning \*/i.test(text)) return undefined;
    if (!names.has(text) && names.size < MAX_STATEMENTS) names.set(text, `insert_${names.size + 1}`);
    return names.get(text);
  }
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect();
      const query = (text: string, values: unknown[]) => client.query({ name: nameOf(text), text, values });
      return {
        // The other overload takes a cursor, which Kysely hands over only where it was given a class for them.
        query: query as unknown as PostgresPoolClient['query'],
        release: (destroy) => client.release(destroy),
      };
    },
  };
}
