import type { Queries } from '../queries.ts';

/** Which of the partitions have parked events or an unfinished replay. */
export async function partitionsWithWork(queries: Queries, partitions: readonly number[]): Promise<number[]> {
  const { rows } = await queries.query<{ partition: number }>(
    `SELECT partition FROM unnest($1::int[]) AS mine (partition)
     WHERE EXISTS (SELECT FROM parked_event WHERE parked_event.partition = mine.partition)
        OR EXISTS (SELECT FROM replay_partition WHERE replay_partition.partition = mine.partition AND finished_at IS NULL)`,
    [partitions],
  );
  return rows.map((row) => row.partition);
}
