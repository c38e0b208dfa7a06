import type { Database } from '@order-events/database';
import { sql } from 'kysely';

/** Replays of which some partition is not done. */
export async function countUnfinishedReplays(database: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(DISTINCT replay_id)::int AS count FROM replay_partition WHERE finished_at IS NULL`.execute(
    database,
  );
  return rows[0]?.count ?? 0;
}
